import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/control/limits.js';
import { FairQueue, type Source } from '../../src/transport/fair-queue.js';

const open: FairQueue[] = [];

afterEach(() => {
  for (const queue of open.splice(0)) queue.close();
});

function queueOf(limits: Partial<typeof DEFAULT_LIMITS> = {}): FairQueue {
  const queue = new FairQueue({ ...DEFAULT_LIMITS, rate: 1e9, burst: 1e9, ...limits });
  open.push(queue);
  return queue;
}

/** A connection without a key, or one of many with the same key. */
const from = (connection: string, key?: string, isBlocked = () => false): Source =>
  key === undefined
    ? { group: 'ipc', owner: connection, connection, answers: { isBlocked } }
    : { group: key, owner: key, connection, answers: { isBlocked } };

function busy(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; );
}

describe('a fair queue', () => {
  it('begins one request of each connection after the other, however many one of them has', async () => {
    const begun: string[] = [];
    const queue = queueOf();
    const work = (name: string) => async () => {
      begun.push(name);
      busy(2);
    };
    for (let n = 0; n < 50; n++) queue.enter(from('greedy'), 1, work('greedy'));
    queue.enter(from('modest'), 1, work('modest'));
    const late = begun.length;
    await expect.poll(() => begun.length).toBe(51);
    expect(late).toBeLessThan(50);
    expect(begun.indexOf('modest')).toBeLessThanOrEqual(late + 1);
  });

  it('delays another peer by one request of a key, from however many connections that key asks', async () => {
    const begun: string[] = [];
    const queue = queueOf();
    const work = (name: string, ms: number) => async () => {
      begun.push(name);
      busy(ms);
    };
    for (let n = 0; n < 100; n++) queue.enter(from(`dear-${n % 20}`, 'dear'), 1, work('dear', 3));
    for (let n = 0; n < 5; n++) queue.enter(from('cheap', 'cheap'), 1, work('cheap', 0));
    const late = begun.length;
    await expect.poll(() => begun.length).toBe(105);
    // At the start of the next slice the cheap ones come: they cost next to nothing, all of them together.
    expect(begun.lastIndexOf('cheap')).toBeLessThanOrEqual(late + 6);
  });

  it.each([
    ['at once', () => undefined],
    ['in microtasks', () => Promise.resolve()],
  ])('serves cheap requests before expensive ones of the same group, when these work %s', async (_when, before) => {
    const begun: string[] = [];
    const queue = queueOf();
    const work = (name: string, ms: number) => async () => {
      begun.push(name);
      const settled = before();
      if (settled !== undefined) await settled;
      busy(ms);
    };
    for (let n = 0; n < 40; n++) queue.enter(from(`dear-${n % 4}`), 1, work('dear', 3));
    for (let n = 0; n < 20; n++) queue.enter(from('cheap'), 1, work('cheap', 0));
    await expect.poll(() => begun.length).toBe(60);
    const dearBetween = begun
      .slice(begun.indexOf('cheap'), begun.lastIndexOf('cheap'))
      .filter((name) => name === 'dear');
    // Each of the four had its turn at most twice meanwhile: taking turns, it would have been every other request.
    expect(dearBetween.length).toBeLessThanOrEqual(8);
  });

  it('holds all connections of a key together to the limits of one', () => {
    const queue = queueOf({ inFlight: 3 });
    const work = () => new Promise<void>(() => {});
    const entered = ['a', 'b', 'c', 'd'].map((connection) => queue.enter(from(connection, 'key'), 1, work));
    expect(entered.slice(0, 3)).toEqual([null, null, null]);
    expect(entered[3]).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    expect(queue.enter(from('e', 'other'), 1, work)).toBeNull();
    expect(queue.enter(from('f'), 1, work)).toBeNull();
  });

  it('leaves time for the rest of the process, however many requests there are', async () => {
    const queue = queueOf();
    let done = 0;
    for (let n = 0; n < 200; n++) {
      queue.enter(from('p'), 1, async () => {
        busy(1);
        done++;
      });
    }
    let rounds = 0;
    while (done < 200) {
      await new Promise((resolve) => setImmediate(resolve));
      rounds++;
    }
    expect(rounds).toBeGreaterThan(5);
  });

  it('does not begin the requests of a connection that does not read', async () => {
    let blocked = true;
    let done = 0;
    const queue = queueOf({ inFlight: 2 });
    const work = async () => {
      done++;
    };
    const deaf = from('deaf', undefined, () => blocked);
    expect([queue.enter(deaf, 1, work), queue.enter(deaf, 1, work)]).toEqual([null, null]);
    expect(queue.enter(deaf, 1, work)).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    expect(queue.enter(from('other'), 1, work)).toBeNull();
    await expect.poll(() => done).toBe(1);
    blocked = false;
    queue.wake('deaf');
    await expect.poll(() => done).toBe(3);
  });

  it('counts what a request does in microtasks for the slice: the loop has its turn between requests that do all their work there', async () => {
    const queue = queueOf({ inFlight: 100 });
    let turns = 0;
    let done = 0;
    const work = async () => {
      await null;
      busy(10);
      done++;
    };
    for (let n = 0; n < 20; n++) queue.enter(from('one'), 1, work);
    while (done < 20) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    expect(turns).toBeGreaterThan(5);
  });

  it('forgets connections that are gone', async () => {
    const queue = queueOf();
    let answered = 0;
    const work = async () => {
      answered++;
    };
    for (let n = 1; n <= 20_000; n++) {
      queue.enter(from(`peer-${n}`), 1, work);
      while (n % 500 === 0 && answered < n) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(queue.connections).toBeLessThan(5_000);
  });
});
