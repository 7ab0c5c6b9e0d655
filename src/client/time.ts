import { SupertreeError } from '../errors.js';
import type { RequestOptions } from './server.js';

/** Makes the options for the next request of a call: the caller's options with the time that is left. Throws TIMEOUT, and the reason of the signal. */
export type RemainingTime = () => RequestOptions;

/** A timer may fire so much before its deadline, in ms. */
const TIMER_TOLERANCE = 2;

/** Does `work`, which takes several requests that share the time of the call. Rejects as one request would. */
export async function inTime<T>(
  what: string,
  options: RequestOptions,
  work: (left: RemainingTime) => Promise<T>,
): Promise<T> {
  const { signal, timeout = Number.POSITIVE_INFINITY } = options;
  const deadline = performance.now() + timeout;
  const late = () => new SupertreeError('TIMEOUT', { what, timeout });
  const left = () => {
    signal?.throwIfAborted();
    const rest = deadline - performance.now();
    if (rest <= 0) throw late();
    return options.timeout === undefined ? options : { ...options, timeout: rest };
  };
  try {
    return await work(left);
  } catch (thrown) {
    // The error of a request names the time of that request; the caller needs the time of the whole call.
    const isLate =
      thrown instanceof SupertreeError && thrown.code === 'TIMEOUT' && performance.now() > deadline - TIMER_TOLERANCE;
    throw isLate ? late() : thrown;
  }
}

/** Options for a lookup on behalf of a call: at most `most` ms, and without the caller's progress callbacks. */
export function lookupOptions(left: RemainingTime, most: number): RequestOptions {
  const { timeout = Number.POSITIVE_INFINITY, signal } = left();
  return { timeout: Math.min(timeout, most), signal };
}
