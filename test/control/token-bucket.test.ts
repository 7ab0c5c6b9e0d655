import { expect, it } from 'vitest';
import { TokenBucket } from '../../src/control/token-bucket.js';

it('gives its burst, then its rate, and says how long to wait', () => {
  const bucket = new TokenBucket(10, 2, 0);
  expect([bucket.take(0), bucket.take(0), bucket.take(0)]).toEqual([0, 0, 100]);
  expect([bucket.take(99), bucket.take(100), bucket.take(100)]).toEqual([1, 0, 100]);
  expect([bucket.isFull(299), bucket.isFull(300)]).toEqual([false, true]);
  expect([bucket.take(1e9), bucket.take(1e9), bucket.take(1e9)]).toEqual([0, 0, 100]);
});
