import { clearInterval, setInterval } from 'node:timers';
import { SupertreeError } from '../errors.js';

/** The state of a virtual clock. */
export interface HeldTime {
  now(): number;
  /** The number of timers and deferred callbacks that wait for the clock to move. */
  held(): number;
  /** The time of the earliest timer; `null` when there is none. */
  nextAt(): number | null;
}

/** A clock that has not moved for so many checks in a row is stalled. A machine that is too busy for the checks is not mistaken for that. */
const CHECKS = 20;

/**
 * Detects operations that wait for a clock which does not move, such as `await tree.start()` before the first `advance()`. They would never settle: a
 * program would end with exit code 13, a test would reach its time limit without a hint at the cause.
 */
export class StallWatch {
  readonly #clock: HeldTime;
  readonly #interval: number;
  readonly #waiting = new Set<WaitingOperation>();
  #timer: NodeJS.Timeout | null = null;
  #looks = 0;

  /** `patience`: real milliseconds; Infinity disables the watch. */
  constructor(clock: HeldTime, patience: number) {
    this.#clock = clock;
    this.#interval = patience / CHECKS;
  }

  /** The clock was moved, or its deferred callbacks were run. */
  moved(): void {
    this.#looks = 0;
  }

  /** Settles as `operation` does, or rejects with CLOCK_STALLED when it waits for a clock that does not move. */
  guard<T>(what: string, operation: Promise<T>): Promise<T> {
    if (this.#interval === Number.POSITIVE_INFINITY) return operation;
    const { promise, resolve, reject } = withResolvers<T>();
    const waiting: WaitingOperation = {
      what,
      abandon(error) {
        // The caller may not await the operation: its rejection must not be unhandled.
        promise.catch(ignore);
        reject(error);
      },
    };
    this.#add(waiting);
    operation.then(resolve, reject).finally(() => this.#remove(waiting));
    return promise;
  }

  #add(waiting: WaitingOperation): void {
    this.#waiting.add(waiting);
    this.#looks = 0;
    this.#timer ??= setInterval(() => this.#look(), this.#interval);
    this.#timer.ref();
  }

  #remove(waiting: WaitingOperation): void {
    this.#waiting.delete(waiting);
    if (this.#waiting.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** While the clock has no timers, operations wait for something else, which has to keep the program alive by itself. */
  #look(): void {
    const held = this.#clock.held();
    if (held === 0) {
      this.#looks = 0;
      this.#timer?.unref();
    } else {
      this.#timer?.ref();
      if (++this.#looks >= CHECKS) this.#abandonAll(held);
    }
  }

  #abandonAll(held: number): void {
    this.#looks = 0;
    const next = this.#clock.nextAt();
    const due = next === null ? 'now' : `in ${next - this.#clock.now()} ms`;
    for (const waiting of [...this.#waiting]) {
      this.#remove(waiting);
      waiting.abandon(new SupertreeError('CLOCK_STALLED', { what: waiting.what, held, due }));
    }
  }
}

interface WaitingOperation {
  readonly what: string;
  abandon(error: SupertreeError): void;
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function ignore(): void {}
