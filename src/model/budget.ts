import type { Backoff, Budget } from './spec.js';

/* A budget and its backoff fit each other when the window is long enough for as many restarts as it allows: otherwise it is never spent. */

type Delays = Pick<Backoff, 'initial' | 'factor' | 'max'>;

/** The sum of the delays before `restarts` restarts in a row, none shortened by chance; without counting, as it may be many. */
export function slowestRow(restarts: number, { initial, factor, max }: Delays): number {
  if (initial === 0) return 0;
  if (factor === 1 || initial >= max) return restarts * Math.min(initial, max);
  const growing = Math.min(restarts, Math.floor(Math.log(max / initial) / Math.log(factor)) + 1);
  // Of a factor beyond 2^53 only one power fits below max; the formula would overflow.
  const grown = growing <= 1 ? growing * initial : (initial * Math.expm1(growing * Math.log(factor))) / (factor - 1);
  return grown + (restarts - growing) * max;
}

/** The window that is used when none is given: `usual`, or longer where the restarts that are allowed need more. */
export function windowFor(maxRestarts: number, backoff: Delays, usual: number): Budget['within'] {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(usual, Math.ceil(slowestRow(maxRestarts, backoff))));
}

/** The sum of the delays as it would be written down: `100 + 200 + 400 + 800 + 1600`; in the middle of a long one, dots. */
export function sumText(restarts: number, { initial, factor, max }: Delays): string {
  const delay = (nth: number): number => (initial === 0 ? 0 : Math.round(Math.min(max, initial * factor ** (nth - 1))));
  const first = Array.from({ length: Math.min(restarts, SHOWN) }, (_, index) => delay(index + 1));
  return restarts > SHOWN ? `${first.join(' + ')} + ... + ${delay(restarts)}` : first.join(' + ');
}

const SHOWN = 6;
