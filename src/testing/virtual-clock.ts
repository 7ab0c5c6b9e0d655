import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import { type HeapTimer, TimerHeap } from './timer-heap.js';

/** A clock that moves only when it is told to. It steps from timer to timer, so a timer that arms itself anew fires every time. */
export interface VirtualClock extends Clock {
  /**
   * Moves time on by `ms`, firing one timer at a time in the order of their times (of equal times, the one set first).
   * Before each step everything that is deferred and every settled promise runs, so that what they set in turn is in time.
   * Resolves when `ms` have passed. Calls run one after another. Rejects with what a callback threw (time stays there),
   * and with INTERNAL when more than a million callbacks run without time moving on.
   */
  advance(ms: number): Promise<void>;
  /** Moves time to the next timer and fires all that is due then. Resolves with false when there is no timer. */
  advanceToNext(): Promise<boolean>;
  /** Runs everything that is deferred, and what that defers in turn, at once. Time does not move. Returns how many ran. */
  runDeferred(): number;
  /** Runs what is deferred and lets promises settle, until neither is left. Time does not move. */
  settle(): Promise<void>;
  /** How many timers are set. Those that never fire are not counted. */
  pending(): number;
  /** The time of the earliest timer; `null` when there is none. */
  nextAt(): number | null;
  /** Moves the wall clock alone, as an administrator does. `ms` may be negative. */
  shiftWall(ms: number): void;
}

export interface VirtualClockOptions {
  /** What `now()` begins with. If not given, 0. */
  readonly now?: number;
  /** What `wall()` begins with. If not given, 2000-01-01T00:00:00Z. */
  readonly wall?: number;
}

/** A new virtual clock. It holds no timer of the system and never keeps a program alive. */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
  return new SteppingClock(options.now ?? 0, options.wall ?? Date.UTC(2000, 0, 1));
}

/** So many callbacks at one instant are a loop. */
const MAX_AT_ONCE = 1_000_000;

class SteppingClock implements VirtualClock {
  #now: number;
  #wallOffset: number;
  #order = 0;
  #deferred: (() => void)[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #firedAtOnce = 0;
  readonly #timers = new TimerHeap();

  constructor(now: number, wall: number) {
    this.#now = now;
    this.#wallOffset = wall - now;
  }

  // XState and others take these out of the object, so they are bound.
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

  /** What a throwing callback has left behind it in the batch stays deferred. */
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

/** A rejected advance() is its caller's to see; the next one goes ahead. */
function ignore(): void {}
