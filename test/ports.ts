/** The ports below the ephemeral range (ip(7): from 32768) that tests share, and how many of them each worker of vitest has. */
const FIRST = 10_000;
const SHARE = 5_500;

const worker = (Number(process.env.VITEST_POOL_ID ?? 1) - 1) % 4;

/** Two runs at the same time begin at different places. */
let used = (process.pid % 100) * 50;

/** The first of `count` ports that no other test of this run uses, until the worker has used its share and begins again. */
export function portRange(count: number): number {
  if (used + count > SHARE) used = 0;
  const first = FIRST + worker * SHARE + used;
  used += count;
  return first;
}
