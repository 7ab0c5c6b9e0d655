import { systemClock } from '../contract/clock.js';
import type { SupertreeError } from '../errors.js';

/**
 * `work`, or what `late` makes when it is not over within `ms` (Infinity for ever). The work goes on then; that it fails later is told to
 * `failed`, unless it fails with that very error: it has only done as it was told.
 */
export async function withTimeLimit<T>(
  work: Promise<T>,
  ms: number,
  late: () => SupertreeError,
  failed: (thrown: unknown) => void,
): Promise<T> {
  let timer: unknown;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = systemClock.setTimeout(() => {
      const error = late();
      work.catch((thrown) => thrown !== error && failed(thrown));
      reject(error);
    }, ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    systemClock.clearTimeout(timer);
  }
}
