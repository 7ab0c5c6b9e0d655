import { systemClock } from '../contract/clock.js';
import type { SupertreeError } from '../errors.js';

/**
 * `work`, or a rejection with the error of `late` when it takes longer than `ms` (Infinity for no limit). The work continues then, and `failed` is called
 * with its later error, unless that is the same error, which only reflects the abort.
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
