import { expect, it } from 'vitest';
import { IdempotencyKeys } from '../../src/control/idempotency.js';

const MIB = 1024 * 1024;

it('keys with small answers are bounded in bytes too: each counts its overhead', async () => {
  const keys = new IdempotencyKeys<number>({ max: 1_000_000, keep: 1e9, bytes: 4 * MIB });
  for (let n = 0; n < 2_000; n++) {
    await keys.once('owner', `key-${n}`, 'content', async () => ({ answer: n, bytes: 100 }));
  }
  // A quarter of 4 MiB for one owner, at more than 2 KiB each.
  expect(keys.size).toBeLessThan(512);
  expect(keys.size).toBeGreaterThan(400);
});
