import { describe, expect, it } from 'vitest';
import { TimingWheel } from '../../src/actors/timing-wheel.js';
import { createVirtualClock } from '../../src/testing/index.js';
import fc from '../fast-check.js';

function wheel() {
  const clock = createVirtualClock();
  const problems: unknown[] = [];
  return { clock, problems, wheel: new TimingWheel(clock, (thrown) => problems.push(thrown)) };
}

describe('a timing wheel', () => {
  it('ends each wait in time, at most an eighth late, and never twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(20_000), fc.nat(500)), { maxLength: 50 }), async (waits) => {
        const { clock, wheel: it } = wheel();
        const ended: number[] = [];
        for (const [ms, pause] of waits) {
          const index = ended.push(Number.NaN) - 1;
          const from = clock.now();
          it.after(ms, () => {
            expect(ended[index]).toBeNaN();
            ended[index] = clock.now() - from;
          });
          await clock.advance(pause);
        }
        await clock.advance(30_000);
        for (const [index, [ms]] of waits.entries()) {
          expect(ended[index]).toBeGreaterThanOrEqual(ms);
          expect(ended[index]).toBeLessThanOrEqual(ms + Math.max(1, ms / 8));
        }
        expect(clock.pending()).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  it('has one timer however many waits there are, and none without', async () => {
    const { clock, wheel: it } = wheel();
    const cancels = Array.from({ length: 1000 }, (_, n) => it.after(10_000 + n, () => {}));
    expect(clock.pending()).toBe(1);
    for (const cancel of cancels) cancel();
    expect(clock.pending()).toBe(0);
    let turns = 0;
    for (let n = 0; n < 1000; n++) it.after(10_000 + (n % 100), () => {});
    while (await clock.advanceToNext()) turns += 1;
    expect(turns).toBe(1);
  });

  it('does not end a wait that another one of the same moment cancels, and goes on after a callback that throws', async () => {
    const { clock, problems, wheel: it } = wheel();
    const ended: string[] = [];
    it.after(100, () => {
      cancel();
      throw new Error('mine');
    });
    const cancel = it.after(100, () => ended.push('cancelled'));
    it.after(100, () => void it.after(-5, () => ended.push('next')));
    await clock.advance(500);
    expect(ended).toEqual(['next']);
    expect(problems).toMatchObject([{ message: 'mine' }]);
    cancel();
  });
});
