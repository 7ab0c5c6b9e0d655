import { isClean, type Reason } from './reason.js';
import type { Backoff, Budget, RestartType } from './spec.js';

/** Whether a child with this end is restarted (R1, R2, R3). A failed start during a restart is decided elsewhere (R8). */
export function shouldRestart(type: RestartType, reason: Reason): boolean {
  switch (type) {
    case 'permanent':
      return true;
    case 'transient':
      return !isClean(reason);
    case 'temporary':
      return false;
  }
}

/** The times of the restarts within the window, newest first, and whether they are too many. */
export interface Charge {
  readonly stamps: readonly number[];
  readonly exceeded: boolean;
  /** How many more restarts the budget allows. */
  readonly left: number;
}

/**
 * Charges one restart to a budget (R5, R6): `at` is prepended, times outside the window are dropped, and the budget is exceeded when more than
 * `maxRestarts` remain. The window is inclusive. With `otpExact` time is counted in whole seconds as in OTP, so the window is up to one second longer.
 */
export function charge(stamps: readonly number[], at: number, budget: Budget, otpExact: boolean): Charge {
  const tick = otpExact ? (ms: number) => Math.floor(ms / 1000) * 1000 : (ms: number) => ms;
  const oldest = tick(at) - budget.within;
  const kept = [at, ...stamps.filter((stamp) => tick(stamp) >= oldest)];
  return {
    stamps: kept,
    exceeded: kept.length > budget.maxRestarts,
    left: Math.max(0, budget.maxRestarts - kept.length),
  };
}

/**
 * The delay before the `attempt`th restart in a row (from 1), in ms; `random` in [0, 1) shortens it by up to `jitter` of it. Finite for every valid
 * backoff and attempt: a factor that has grown to Infinity gives `max`, and an `initial` of 0 stays 0 (their product would be NaN, and a timer for NaN
 * never fires).
 */
export function backoffDelay(backoff: Backoff, attempt: number, random: number): number {
  const { initial, factor, max, jitter } = backoff;
  const full = initial === 0 ? 0 : Math.min(max, initial * factor ** (attempt - 1));
  return full * (1 - jitter * random);
}

/** The number of unplanned ends in a row, including this one: after a long enough ready time it starts at 1 again. */
export function nextStreak(streak: number, readyFor: number, backoff: Backoff): number {
  return readyFor >= backoff.resetAfter ? 1 : streak + 1;
}
