import { SupertreeError } from '../errors.js';
import type { RequestOptions } from './server.js';

/** The options for the next request of a call: its own, with the time that is left. Throws TIMEOUT, and the reason of its signal. */
export type Left = () => RequestOptions;

/** A timer may fire so much before its time, in ms. */
const EARLY = 2;

/** Does `work`, which takes several requests: they have the time of the call together. Rejects as one request would. */
export async function inTime<T>(what: string, options: RequestOptions, work: (left: Left) => Promise<T>): Promise<T> {
  const { signal, timeout = Number.POSITIVE_INFINITY } = options;
  const due = performance.now() + timeout;
  const late = () => new SupertreeError('TIMEOUT', { what, timeout });
  const left = () => {
    signal?.throwIfAborted();
    const rest = due - performance.now();
    if (rest <= 0) throw late();
    return options.timeout === undefined ? options : { ...options, timeout: rest };
  };
  try {
    return await work(left);
  } catch (thrown) {
    // The part knows only its own share of the time.
    const isLate = thrown instanceof SupertreeError && thrown.code === 'TIMEOUT' && performance.now() > due - EARLY;
    throw isLate ? late() : thrown;
  }
}

/** For a question that is only asked to find out where to ask: it has at most `most` ms, and none of the words are for the caller. */
export function lookingFor(left: Left, most: number): RequestOptions {
  const { timeout = Number.POSITIVE_INFINITY, signal } = left();
  return { timeout: Math.min(timeout, most), signal };
}
