import { describe, expect, it } from 'vitest';
import { createActor, createMachine } from 'xstate';
import { createVirtualClock } from '../../src/testing/index.js';
import fc from '../fast-check.js';

describe('virtual clock', () => {
  it('begins at the given time and moves only on command', async () => {
    const clock = createVirtualClock({ now: 500, wall: 1_000_000 });
    expect([clock.now(), clock.wall()]).toEqual([500, 1_000_000]);
    await clock.advance(250);
    expect([clock.now(), clock.wall()]).toEqual([750, 1_000_250]);
  });

  it('lets the wall clock jump without firing anything', async () => {
    const clock = createVirtualClock({ wall: 1_000 });
    let fired = 0;
    clock.setTimeout(() => fired++, 100);
    clock.shiftWall(-900);
    await clock.advance(50);
    expect([clock.now(), clock.wall(), fired]).toEqual([50, 150, 0]);
  });

  it('fires in the order of time, equals in the order in which they were set', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 60 }), async (delays) => {
        const clock = createVirtualClock();
        const fired: [at: number, index: number][] = [];
        for (const [index, delay] of delays.entries()) clock.setTimeout(() => fired.push([clock.now(), index]), delay);
        await clock.advance(20);
        const expected = delays.map((delay, index): [number, number] => [delay, index]);
        expect(fired).toEqual(expected.sort(([a, i], [b, j]) => a - b || i - j));
      }),
      { numRuns: 50 },
    );
  });

  it('takes out any timer without losing another', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 80 }), async (timers) => {
        const clock = createVirtualClock();
        const fired: number[] = [];
        const handles = timers.map(([delay], index) => clock.setTimeout(() => fired.push(index), delay));
        for (const [index, [, keep]] of timers.entries()) if (!keep) clock.clearTimeout(handles[index]);
        expect(clock.pending()).toBe(timers.filter(([, keep]) => keep).length);
        await clock.advance(50);
        expect(new Set(fired)).toEqual(new Set(timers.flatMap(([, keep], index) => (keep ? [index] : []))));
      }),
      { numRuns: 50 },
    );
  });

  it('fires a timer that sets itself again each time, at its own times', async () => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    const arm = (): void => {
      fired.push(clock.now());
      clock.setTimeout(arm, 1_000);
    };
    clock.setTimeout(arm, 1_000);
    await clock.advance(5_500);
    expect(fired).toEqual([1_000, 2_000, 3_000, 4_000, 5_000]);
    expect(clock.nextAt()).toBe(6_000);
  });

  it('settles promises between two timers, so that the timers that they set fire in time', async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    clock.setTimeout(async () => {
      for (let hop = 0; hop < 20; hop++) await null;
      clock.setTimeout(() => seen.push(`set by promise at ${clock.now()}`), 5);
    }, 10);
    clock.setTimeout(() => seen.push(`later at ${clock.now()}`), 20);
    await clock.advance(20);
    expect(seen).toEqual(['set by promise at 15', 'later at 20']);
  });

  it('runs deferred callbacks before time moves, and those that they defer', async () => {
    const clock = createVirtualClock();
    const seen: string[] = [];
    clock.defer(() => {
      seen.push(`first at ${clock.now()}`);
      clock.defer(() => seen.push(`second at ${clock.now()}`));
    });
    await clock.advance(10);
    expect(seen).toEqual(['first at 0', 'second at 0']);
    expect(clock.runDeferred()).toBe(0);
  });

  it('never fires at infinity and does not count such a timer', async () => {
    const clock = createVirtualClock();
    clock.clearTimeout(clock.setTimeout(() => expect.unreachable(), Number.POSITIVE_INFINITY));
    expect(clock.pending()).toBe(0);
    await clock.advance(Number.MAX_SAFE_INTEGER);
  });

  it('takes a garbage delay as none and a garbage handle as nothing', async () => {
    const clock = createVirtualClock();
    let fired = 0;
    clock.setTimeout(() => fired++, Number.NaN);
    clock.setTimeout(() => fired++, -5);
    for (const handle of [undefined, null, 7, 'x', {}, { index: 0, order: 0 }]) clock.clearTimeout(handle);
    await clock.advance(0);
    expect([fired, clock.now()]).toEqual([2, 0]);
  });

  it('clears a timer twice, and one that has fired, without harm', async () => {
    const clock = createVirtualClock();
    const fired: string[] = [];
    const first = clock.setTimeout(() => fired.push('first'), 1);
    clock.setTimeout(() => fired.push('second'), 2);
    await clock.advance(1);
    clock.clearTimeout(first);
    clock.clearTimeout(first);
    await clock.advance(1);
    expect(fired).toEqual(['first', 'second']);
  });

  it('rejects with the error of a callback and continues afterwards', async () => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    clock.setTimeout(() => {
      throw new Error('boom');
    }, 10);
    clock.setTimeout(() => fired.push(clock.now()), 20);
    await expect(clock.advance(30)).rejects.toThrow('boom');
    expect(clock.now()).toBe(10);
    await clock.advance(20);
    expect(fired).toEqual([20]);
  });

  it('keeps the callbacks after one that threw deferred', () => {
    const clock = createVirtualClock();
    let ran = 0;
    clock.defer(() => {
      throw new Error('boom');
    });
    clock.defer(() => ran++);
    expect(() => clock.runDeferred()).toThrow('boom');
    expect([clock.runDeferred(), ran]).toEqual([1, 1]);
  });

  it('takes concurrent advances one after another', async () => {
    const clock = createVirtualClock();
    const fired: number[] = [];
    clock.setTimeout(() => fired.push(clock.now()), 15);
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect([clock.now(), fired]).toEqual([20, [15]]);
  });

  it('moves to the next timer, and says when there is none', async () => {
    const clock = createVirtualClock();
    clock.setTimeout(() => {}, 40);
    expect([await clock.advanceToNext(), clock.now()]).toEqual([true, 40]);
    expect([await clock.advanceToNext(), clock.now()]).toEqual([false, 40]);
  });

  it('calls a loop that stands still a loop', async () => {
    const clock = createVirtualClock();
    const again = (): void => clock.defer(again);
    again();
    expect(() => clock.runDeferred()).toThrow(/without time moving on/);
  });

  it('fires ten thousand timers that set themselves again', async () => {
    const clock = createVirtualClock();
    let fired = 0;
    const arm = (): void => {
      fired++;
      clock.setTimeout(arm, 1_000);
    };
    for (let timer = 0; timer < 10_000; timer++) clock.setTimeout(arm, 1_000);
    await clock.advance(2_000);
    expect([fired, clock.pending()]).toEqual([20_000, 10_000]);
  });

  it('is a clock for XState actors', async () => {
    const clock = createVirtualClock();
    const machine = createMachine({
      initial: 'a',
      states: { a: { after: { 1000: 'b' } }, b: { after: { 1000: 'a' } } },
    });
    const actor = createActor(machine, { clock }).start();
    await clock.advance(1_999);
    expect(actor.getSnapshot().value).toBe('b');
    await clock.advance(1);
    expect(actor.getSnapshot().value).toBe('a');
    actor.stop();
    expect(clock.pending()).toBe(0);
  });
});
