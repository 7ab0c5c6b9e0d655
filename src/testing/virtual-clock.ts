import { setImmediate as nextTurn, setTimeout as realDelay } from 'node:timers/promises';
import type { Clock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import { StallWatch } from './stall-watch.js';
import { type HeapTimer, TimerHeap } from './timer-heap.js';

/**
 * A clock that moves only on command. It steps from timer to timer, so a timer that sets itself again fires each time. A start, a stop or a command of
 * a tree that waits for this clock while it does not move rejects with CLOCK_STALLED.
 */
export interface VirtualClock extends Clock {
  /**
   * Advances time by `ms`, firing one timer at a time in the order of their times (of equal times, the one set first). Before each step all deferred
   * callbacks and settled promises run, so that the timers that they set fire in time. Resolves when `ms` have passed. Calls run one after another.
   * Rejects with the error of a callback (time stays there), and with INTERNAL when more than a million callbacks run at one time.
   */
  advance(ms: number): Promise<void>;
  /**
   * Advances time from timer to timer until `operation` settles, and settles as it does: `await clock.until(tree.start())`. Rejects with TIMEOUT when it
   * has not settled `within` so many ms of this clock (if not given, 3600000), or within `patience` real ms when no timer is left.
   */
  until<T>(operation: Promise<T>, options?: { within?: number }): Promise<T>;
  /** Advances time to the next timer and fires every timer of that time. Resolves with false when there is no timer. */
  advanceToNext(): Promise<boolean>;
  /** Runs all deferred callbacks, and those that they defer, at once. Time does not move. Returns the number of callbacks. */
  runDeferred(): number;
  /** Runs deferred callbacks and settles promises until none is left. Time does not move. */
  settle(): Promise<void>;
  /** The number of timers. Those that never fire are not counted. */
  pending(): number;
  /** The time of the earliest timer; `null` when there is none. */
  nextAt(): number | null;
  /** Shifts the wall clock alone, as an administrator does. `ms` may be negative. */
  shiftWall(ms: number): void;
}

export interface VirtualClockOptions {
  /** The first value of `now()`. If not given, 0. */
  readonly now?: number;
  /** The first value of `wall()`. If not given, 2000-01-01T00:00:00Z. */
  readonly wall?: number;
  /**
   * How long an operation of a tree may wait for this clock while it does not move, in real ms; then it rejects with CLOCK_STALLED. If not given, 1000.
   * With Infinity it waits for ever, for a tree whose agents do real work.
   */
  readonly patience?: number;
}

/** A new virtual clock. It keeps a program alive only while an operation of a tree waits for it. */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  return new SteppingClock(options.now ?? 0, options.wall ?? Date.UTC(2000, 0, 1), options.patience ?? 1_000);
}

/** The number of callbacks at one time that counts as an endless loop. */
const MAX_AT_ONCE = 1_000_000;
const HOUR = 3_600_000;
/** Real ms between two checks of an operation that no timer of the clock can settle. */
const POLL_INTERVAL = 5;

class SteppingClock implements VirtualClock {
  #now: number;
  #wallOffset: number;
  #order = 0;
  #deferred: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #firedAtOnce = 0;
  readonly #timers = new TimerHeap();
  readonly #patience: number;
  readonly #stalls: StallWatch;

  constructor(now: number, wall: number, patience: number) {
    this.#now = now;
    this.#wallOffset = wall - now;
    this.#patience = patience;
    const held = () => this.#timers.size + this.#deferred.length;
    this.#stalls = new StallWatch({ now: this.now, held, nextAt: () => this.nextAt() }, patience);
  }

  // XState and others call these without the object, so they are bound.
  readonly now = (): number => this.#now;

  readonly wall = (): number => this.#now + this.#wallOffset;

  readonly setTimeout = (fn: (...args: unknown[]) => void, ms: number): unknown => {
    if (ms === Number.POSITIVE_INFINITY) return undefined;
    const delay = Number.isNaN(ms) ? 0 : Math.max(0, ms);
    const timer: HeapTimer = { at: this.#now + delay, order: this.#order++, fire: fn, index: -1 };
    this.#timers.add(timer);
    return timer;
  };

  readonly clearTimeout = (handle: unknown): void => {
    if (isTimer(handle)) this.#timers.remove(handle);
  };

  readonly defer = (fn: () => void): void => {
    this.#deferred.push(fn);
  };

  pending(): number {
    return this.#timers.size;
  }

  nextAt(): number | null {
    return this.#timers.peek()?.at ?? null;
  }

  shiftWall(ms: number): void {
    this.#wallOffset += ms;
  }

  readonly guard = <T>(what: string, operation: Promise<T>): Promise<T> => this.#stalls.guard(what, operation);

  readonly until = async <T>(operation: Promise<T>, { within = HOUR }: { within?: number } = {}): Promise<T> => {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    operation.then(settle, settle);
    const last = this.#now + within;
    let idleSince = performance.now();
    for (await this.settle(); !settled; await this.settle()) {
      const next = this.nextAt();
      const isIdle = next === null && performance.now() - idleSince > this.#patience;
      if (isIdle || (next ?? this.#now) > last) {
        throw new SupertreeError('TIMEOUT', { what: 'The operation of clock.until()', timeout: within });
      }
      if (next === null) await realDelay(POLL_INTERVAL);
      else {
        await this.advanceToNext();
        idleSince = performance.now();
      }
    }
    return operation;
  };

  advance(ms: number): Promise<void> {
    return this.#serially(() => this.#advanceTo(this.#now + Math.max(0, ms)));
  }

  advanceToNext(): Promise<boolean> {
    return this.#serially(async () => {
      await this.settle();
      const next = this.nextAt();
      if (next !== null) await this.#advanceTo(next);
      return next !== null;
    });
  }

  runDeferred(): number {
    this.#stalls.moved();
    let ran = 0;
    while (this.#deferred.length > 0) {
      const batch = this.#deferred;
      this.#deferred = [];
      ran += this.#runBatch(batch);
      assertMoving(ran);
    }
    return ran;
  }

  async settle(): Promise<void> {
    let turns = 0;
    do {
      this.runDeferred();
      await nextTurn();
      assertMoving(++turns);
    } while (this.#deferred.length > 0);
  }

  /** The callbacks of the batch after a throwing one stay deferred. */
  #runBatch(batch: (() => void)[]): number {
    let ran = 0;
    try {
      for (const fn of batch) {
        ran++;
        fn();
      }
    } finally {
      if (ran < batch.length) this.#deferred = [...batch.slice(ran), ...this.#deferred];
    }
    return ran;
  }

  async #advanceTo(target: number): Promise<void> {
    await this.settle();
    for (let timer = this.#timers.peek(); timer && timer.at <= target; timer = this.#timers.peek()) {
      this.#fire(timer);
      await this.settle();
    }
    this.#now = target;
  }

  #fire(timer: HeapTimer): void {
    this.#firedAtOnce = timer.at > this.#now ? 1 : this.#firedAtOnce + 1;
    assertMoving(this.#firedAtOnce);
    this.#now = timer.at;
    this.#timers.remove(timer);
    timer.fire();
  }

  #serially<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(step);
    this.#turn = result.then(ignore, ignore);
    return result;
  }
}

function assertMoving(callbacks: number): void {
  if (callbacks <= MAX_AT_ONCE) return;
  throw new SupertreeError('INTERNAL', { problem: `${MAX_AT_ONCE} callbacks ran without time moving on` });
}

function isTimer(handle: unknown): handle is HeapTimer {
  return typeof handle === 'object' && handle !== null && 'index' in handle && 'order' in handle;
}

/** A rejected advance() does not stop the calls that wait behind it: its error goes to its own caller. */
function ignore(): void {}
