import type { Backoff, Budget } from './spec.js';

/* A budget fits its backoff when the window is long enough for all restarts that it allows: otherwise it can never be exceeded. */

type Delays = Pick<Backoff, 'initial' | 'factor' | 'max'>;

/** The longest sum of the delays before `restarts` restarts in a row, without jitter; in closed form, because there may be many. */
export function slowestRow(restarts: number, { initial, factor, max }: Delays): number {
  if (initial === 0) return 0;
  if (factor === 1 || initial >= max) return restarts * Math.min(initial, max);
  const growing = Math.min(restarts, Math.floor(Math.log(max / initial) / Math.log(factor)) + 1);
  // For a factor beyond 2^53 only one power is below max, and the formula would overflow.
  const grown = growing <= 1 ? growing * initial : (initial * Math.expm1(growing * Math.log(factor))) / (factor - 1);
  return grown + (restarts - growing) * max;
}

/** The default window: `usual`, or longer if the allowed restarts take longer. */
export function windowFor(maxRestarts: number, backoff: Delays, usual: number): Budget['within'] {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(usual, Math.ceil(slowestRow(maxRestarts, backoff))));
}

/** The sum of the delays as text: `100 + 200 + 400 + 800 + 1600`; a long one is abbreviated in the middle. */
export function sumText(restarts: number, { initial, factor, max }: Delays): string {
  const delay = (nth: number): number => (initial === 0 ? 0 : Math.round(Math.min(max, initial * factor ** (nth - 1))));
  const first = Array.from({ length: Math.min(restarts, SHOWN) }, (_, index) => delay(index + 1));
  return restarts > SHOWN ? `${first.join(' + ')} + ... + ${delay(restarts)}` : first.join(' + ');
}

const SHOWN = 6;
