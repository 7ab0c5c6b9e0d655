/** The time of a tree. Decisions use `now`, which never jumps; records and reports use `wall`. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls `fn` once after `ms`; never when `ms` is Infinity, as soon as possible when it is negative or NaN. XState's actors use the same clock. */
  setTimeout(fn: (...args: unknown[]) => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** Calls `fn` once, after the callbacks that are waiting to run. */
  defer(fn: () => void): void;
  /**
   * For a virtual clock: settles as `operation` does, or rejects with CLOCK_STALLED when it waits for this clock while it does not move. `what` names the
   * operation. If not given, operations are not guarded.
   */
  guard?<T>(what: string, operation: Promise<T>): Promise<T>;
  /** For a virtual clock: moves it until `operation` has settled, and settles as it does. If not given, time passes by itself. */
  until?<T>(operation: Promise<T>): Promise<T>;
}

/** `operation`, guarded if the clock has a guard. */
export function guarded<T>(clock: Clock, what: string, operation: Promise<T>): Promise<T> {
  return clock.guard?.(what, operation) ?? operation;
}

/** The longest delay of a Node timer, in ms; a longer one would fire at once. */
export const MAX_TIMER = 2_147_483_647;

/** A delay longer than any Node timer: a chain of timers. */
class LongTimer {
  #timer: NodeJS.Timeout;

  constructor(fn: () => void, ms: number) {
    this.#timer = setTimeout(() => this.#next(fn, ms - MAX_TIMER), MAX_TIMER);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }

  #next(fn: () => void, left: number): void {
    if (left <= 0) return fn();
    const part = Math.min(left, MAX_TIMER);
    this.#timer = setTimeout(() => this.#next(fn, left - part), part);
  }
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout(fn, ms) {
    if (ms === Number.POSITIVE_INFINITY) return undefined;
    return ms > MAX_TIMER ? new LongTimer(fn, ms) : setTimeout(fn, Number.isNaN(ms) ? 0 : ms);
  },
  clearTimeout(handle) {
    if (handle instanceof LongTimer) handle.clear();
    else clearTimeout(handle as NodeJS.Timeout | undefined);
  },
  defer: (fn) => {
    setImmediate(fn);
  },
};
