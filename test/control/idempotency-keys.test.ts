import { beforeEach, describe, expect, it } from 'vitest';
import { contentOf, IdempotencyKeys } from '../../src/control/idempotency.js';

let now = 0;

beforeEach(() => {
  now = 0;
});

const outcome = (answer: string) => async () => ({ answer, bytes: answer.length });
const never = () => Promise.reject(new Error('done twice'));

describe('the remembered keys of one peer', () => {
  it('is kept for its time after the answer, and then forgotten', async () => {
    const keys = new IdempotencyKeys<string>({ max: 10, keep: 1_000, bytes: 100_000 }, () => now);
    expect(await keys.once('me', 'k', 'c', outcome('one'))).toBe('one');
    now = 999;
    expect(await keys.once('me', 'k', 'c', never)).toBe('one');
    now = 1_000;
    expect(await keys.once('me', 'k', 'c', outcome('two'))).toBe('two');
  });

  it('has a limit in number: the least recently used key is forgotten first', async () => {
    const keys = new IdempotencyKeys<string>({ max: 3, keep: 1_000, bytes: 100_000 }, () => now);
    for (const key of ['a', 'b', 'c']) await keys.once('me', key, 'c', outcome(key));
    await keys.once('me', 'a', 'c', never);
    await keys.once('me', 'd', 'c', outcome('d'));
    expect(keys.size).toBe(3);
    expect(await keys.once('me', 'a', 'c', never)).toBe('a');
    expect(await keys.once('me', 'b', 'c', outcome('again'))).toBe('again');
  });

  it('has a bound in bytes', async () => {
    const keys = new IdempotencyKeys<string>({ max: 1_000, keep: 1_000, bytes: 25_000 }, () => now);
    for (let n = 0; n < 100; n++) await keys.once('me', `k${n}`, 'c', outcome('x'.repeat(1_000)));
    // A quarter of the bytes, with what each key costs besides its answer.
    expect(keys.size).toBe(2);
    expect(await keys.once('me', 'k99', 'c', never)).toHaveLength(1_000);
  });

  it('include running ones, which are never forgotten: above the limit a further one is refused', async () => {
    const keys = new IdempotencyKeys<string>({ max: 2, keep: 1_000, bytes: 100_000 }, () => now);
    let release = (_: { answer: string; bytes: number }) => {};
    const running = keys.once('me', 'a', 'c', () => new Promise((resolve) => (release = resolve)));
    await keys.once('me', 'b', 'c', outcome('b'));
    await keys.once('me', 'c', 'c', outcome('c'));
    void keys.once('me', 'd', 'c', () => new Promise(() => {}));
    await expect(keys.once('me', 'e', 'c', outcome('e'))).rejects.toMatchObject({
      code: 'TOO_MANY_REQUESTS',
      details: { limit: 'limits.idempotency_keys', count: 2, max: 2 },
    });
    expect(await keys.once('you', 'e', 'c', outcome('yours'))).toBe('yours');
    release({ answer: 'a', bytes: 1 });
    expect(await running).toBe('a');
    expect(await keys.once('me', 'a', 'c', never)).toBe('a');
  });

  it('of ten thousand keys costs the same for each', async () => {
    const keys = new IdempotencyKeys<string>({ max: 10_000, keep: 1_000, bytes: 128_000_000 }, () => now);
    for (let n = 0; n < 30_000; n++) await keys.once('me', `k${n}`, 'c', outcome('x'));
    expect(keys.size).toBe(10_000);
    expect(await keys.once('me', 'k29999', 'c', never)).toBe('x');
  });

  it('distinguishes contents, bytes and numbers included, without revealing them', () => {
    const same = contentOf({ a: 1, b: { c: [1, 2], d: Buffer.from('secret') } });
    expect(contentOf({ b: { d: Buffer.from('secret'), c: [1, 2] }, a: 1 })).toBe(same);
    const others = [{ a: 1 }, { a: '1' }, { a: [1] }, { b: 1 }, { a: { a: 1 } }, { a: null }].map(contentOf);
    expect(new Set([...others, same]).size).toBe(7);
    expect(same).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  });
});

describe('the remembered keys of several peers', () => {
  it('are separate: the same key is a different one for each peer', async () => {
    const keys = new IdempotencyKeys<string>({ max: 10, keep: 1_000, bytes: 100_000 }, () => now);
    expect(await keys.once('alice', 'k', 'c', outcome('hers'))).toBe('hers');
    expect(await keys.once('bob', 'k', 'other', outcome('his'))).toBe('his');
    expect(await keys.once('alice', 'k', 'c', never)).toBe('hers');
  });

  it('has a bound in number for each of them', async () => {
    const keys = new IdempotencyKeys<string>({ max: 3, keep: 1_000, bytes: 100_000 }, () => now);
    await keys.once('alice', 'k', 'c', outcome('hers'));
    for (let n = 0; n < 50; n++) await keys.once('bob', `${n}`, 'c', outcome('his'));
    expect(keys.size).toBe(4);
    expect(await keys.once('alice', 'k', 'c', never)).toBe('hers');
  });

  it('has a common limit in number: the peer with most keys loses one first', async () => {
    const keys = new IdempotencyKeys<string>({ max: 3, keep: 1_000, bytes: 100_000 }, () => now);
    await keys.once('alice', 'k', 'c', outcome('hers'));
    for (const peer of ['a', 'b', 'c', 'd', 'e']) {
      for (let n = 0; n < 3; n++) await keys.once(peer, `${n}`, 'c', outcome('x'));
    }
    expect(keys.size).toBe(12);
    expect(await keys.once('alice', 'k', 'c', never)).toBe('hers');
    expect(await keys.once('e', '2', 'c', never)).toBe('x');
  });

  it('has a common limit in bytes: the peer with most bytes loses a key first', async () => {
    const keys = new IdempotencyKeys<string>({ max: 100, keep: 1_000, bytes: 100_000 }, () => now);
    await keys.once('alice', 'k', 'c', outcome('hers'));
    for (const peer of ['a', 'b', 'c', 'd', 'e']) {
      for (let n = 0; n < 20; n++) await keys.once(peer, `${n}`, 'c', outcome('x'.repeat(500)));
    }
    expect(keys.size).toBeLessThanOrEqual(40);
    expect(await keys.once('alice', 'k', 'c', never)).toBe('hers');
    expect(await keys.once('e', '19', 'c', never)).toHaveLength(500);
  });

  it('is forgotten when its time is over, at the request of any peer', async () => {
    const keys = new IdempotencyKeys<string>({ max: 10, keep: 1_000, bytes: 100_000 }, () => now);
    await keys.once('alice', 'k', 'c', outcome('hers'));
    now = 1_000;
    await keys.once('bob', 'k', 'c', outcome('his'));
    expect(keys.size).toBe(1);
  });
});
