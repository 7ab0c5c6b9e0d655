import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Feed } from '../../src/client/feed.js';
import { Scope } from '../../src/client/follow.js';
import { merged } from '../../src/client/merge.js';
import type { ServerLink } from '../../src/client/server.js';

const MANY = 5_000;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How many of these are still held by somebody. */
async function held(items: readonly WeakRef<object>[]): Promise<number> {
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return items.filter((item) => item.deref() !== undefined).length;
}

async function* busy(made: WeakRef<object>[]): AsyncGenerator<object> {
  for (let n = 0; n < MANY; n++) {
    const item = { n };
    made.push(new WeakRef(item));
    yield item;
  }
}

/** A source from which nothing ever comes. */
function quiet<T>(): AsyncIterableIterator<T> {
  return {
    next: () => new Promise<never>(() => {}),
    return: async () => ({ done: true, value: undefined }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

describe('items that were taken are not retained', () => {
  it('while its follower goes on', async () => {
    const scope = new Scope({ onClose: () => () => {} } as unknown as ServerLink);
    const items: WeakRef<object>[] = [];
    for await (const item of busy(items)) await scope.race(Promise.resolve(item));
    expect(await held(items)).toBeLessThan(10);
    scope.end();
  });

  it('while another server is quiet', async () => {
    const items: WeakRef<object>[] = [];
    const all = merged([busy(items), quiet<object>()]);
    for (let n = 0; n < MANY; n++) await all.next();
    expect(await held(items)).toBeLessThan(10);
    await all.return?.();
  });

  it('while the consumer is always a little late', async () => {
    const feed = new Feed({ endpoint: null, topic: '', security: null, owner: null, heartbeats: false });
    const items: WeakRef<object>[] = [];
    feed.wake();
    for (let n = 0; n < MANY; n++) {
      feed.wake();
      items.push(new WeakRef(await feed.next(0)));
    }
    expect(await held(items)).toBeLessThan(10);
    feed.close();
  });
});
