/** The times of a tree. Decisions use `now`, which never jumps; records and reports use `wall`. */
export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Milliseconds since 1970. */
  wall(): number;
  /** Calls `fn` once after `ms`; never when `ms` is Infinity. XState's actors use the same clock. */
  setTimeout(fn: (...args: unknown[]) => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** Calls `fn` once after what is already waiting to run. */
  defer(fn: () => void): void;
}

/** The longest delay of a Node timer; a longer one would fire at once. */
const MAX_TIMER = 2_147_483_647;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  setTimeout: (fn, ms) => (ms === Number.POSITIVE_INFINITY ? undefined : setTimeout(fn, Math.min(ms, MAX_TIMER))),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout | undefined),
  defer: (fn) => {
    setImmediate(fn);
  },
};
