import type { Clock } from '../contract/clock.js';
import type { Driver } from '../drivers/driver.js';

/** What deadlines of agents need. */
export interface DeadlineClock extends Pick<Clock, 'setTimeout' | 'clearTimeout'> {
  /** Calls `done` when all that has come before was read and reported. */
  caughtUp(done: () => void): void;
}

/**
 * The clock for the deadlines of agents, with the driver that runs them. Time in which this program or the driver was stopped (SIGSTOP), or too busy to do
 * anything, is not counted against an agent, and a deadline is judged only after all that has come before it was read:
 *
 * 1. A deadline is counted down in slices of an eighth. A slice that takes much longer than it should is not counted, at most eight times.
 * 2. At the end of each slice the driver reads and reports what has come. What it reports may cancel the deadline.
 * 3. A deadline that is still there after its last slice is over.
 *
 * With a virtual clock, or a driver that never lags, the times are those of `clock`.
 */
export function deadlineClock(clock: Clock, driver: Driver): DeadlineClock {
  const { whenCaughtUp } = driver;
  if (clock.until !== undefined || whenCaughtUp === undefined) {
    return {
      setTimeout: (fn, ms) => clock.setTimeout(fn, ms),
      clearTimeout: (timer) => clock.clearTimeout(timer),
      caughtUp: (done) => done(),
    };
  }
  const context = { clock, caughtUp: (done: () => void) => whenCaughtUp.call(driver, done) };
  return {
    caughtUp: context.caughtUp,
    setTimeout: (fn, ms) =>
      ms === Number.POSITIVE_INFINITY ? undefined : new Deadline(context, fn, Math.max(0, ms || 0)),
    clearTimeout: (deadline) => {
      if (deadline instanceof Deadline) deadline.clear();
    },
  };
}

interface DeadlineContext {
  readonly clock: Clock;
  readonly caughtUp: (done: () => void) => void;
}

class Deadline {
  readonly #context: DeadlineContext;
  readonly #fire: () => void;
  readonly #slice: number;
  #left: number;
  #disturbances = 0;
  #timer: unknown;
  #isOver = false;
  #isBackground = false;

  constructor(context: DeadlineContext, fire: () => void, ms: number) {
    this.#context = context;
    this.#fire = fire;
    this.#slice = Math.max(SHORTEST_SLICE, ms / SLICES);
    this.#left = ms;
    this.#next();
  }

  clear(): void {
    this.#isOver = true;
    this.#context.clock.clearTimeout(this.#timer);
  }

  /** It does not keep the program alive, as a timer of Node. */
  unref(): void {
    this.#isBackground = true;
    (this.#timer as { unref?: () => void } | undefined)?.unref?.();
  }

  #next(): void {
    const { clock, caughtUp } = this.#context;
    const slice = Math.min(this.#left, this.#slice);
    const from = clock.now();
    this.#timer = clock.setTimeout(() => caughtUp(() => this.#endSlice(slice, clock.now() - from)), slice);
    if (this.#isBackground) this.unref();
  }

  #endSlice(slice: number, took: number): void {
    if (this.#isOver) return;
    const isDisturbed = took > slice * 2 + TOLERANCE && this.#disturbances < MOST_DISTURBANCES;
    if (isDisturbed) this.#disturbances += 1;
    else this.#left -= slice;
    if (this.#left > 0) return this.#next();
    this.#isOver = true;
    this.#fire();
  }
}

/** The number of slices of a long deadline, and the shortest slice, in ms. */
const SLICES = 8;
const SHORTEST_SLICE = 100;

/** How late the end of a slice may be on a busy machine, in ms. */
const TOLERANCE = 250;

/** A machine on which every slice is late must not put off a deadline for ever. */
const MOST_DISTURBANCES = 8;
