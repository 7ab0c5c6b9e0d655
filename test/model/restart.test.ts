import { describe, expect, it } from 'vitest';
import { grantExtension } from '../../src/model/lifecycle.js';
import { backoffDelay, charge, nextStreak } from '../../src/model/restart.js';
import { validate } from '../../src/model/validate.js';
import fc from '../fast-check.js';

/* No arithmetic of delays, windows and deadlines leaves the finite numbers: a timer for NaN or Infinity never fires, without a word. */

const time = fc.oneof(fc.nat(1_000), fc.maxSafeNat(), fc.constantFrom(0, 1, Number.MAX_SAFE_INTEGER));
const factor = fc.oneof(
  fc.double({ min: 1, max: Number.MAX_VALUE, noNaN: true }),
  fc.constantFrom(1, 1 + Number.EPSILON, 2, Number.MAX_VALUE),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const backoff = fc.record({ initial: time, factor, max: time, jitter: share, resetAfter: time });
const attempt = fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));

describe('the delay before a restart', () => {
  it('stays 0 where the first one is 0, however long the row (C11)', () => {
    const none = { initial: 0, factor: 2, max: 30_000, jitter: 0.5, resetAfter: 60_000 };
    for (const streak of [1, 1_024, 1_025, 1_000_000]) expect(backoffDelay(none, streak, 0.5)).toBe(0);
  });

  it('is a finite number from 0 to max for every backoff that is valid', () => {
    fc.assert(
      fc.property(backoff, attempt, chance, (given, nth, random) => {
        expect(validate({ backoff: given, maxRestarts: 0, children: [] })).toEqual([]);
        const delay = backoffDelay(given, nth, random);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(given.max);
      }),
      { numRuns: 2_000 },
    );
  });

  it('begins a new row after a ready time that is long enough, and counts on otherwise', () => {
    fc.assert(
      fc.property(backoff, fc.maxSafeNat(), fc.oneof(fc.constant(-1), time), (given, streak, readyFor) => {
        const next = nextStreak(streak, readyFor, given);
        expect(next).toBe(readyFor >= given.resetAfter ? 1 : streak + 1);
        expect(Number.isFinite(next)).toBe(true);
      }),
    );
  });
});

describe('the window of a budget', () => {
  it('counts and remembers finite numbers at every time', () => {
    const budget = fc.record({ maxRestarts: time, within: time.filter((ms) => ms > 0) });
    fc.assert(
      fc.property(fc.array(time), time, budget, fc.boolean(), (stamps, at, given, exact) => {
        const charged = charge(stamps, at, given, exact);
        expect(charged.left).toBe(Math.max(0, given.maxRestarts - charged.stamps.length));
        expect(charged.exceeded).toBe(charged.stamps.length > given.maxRestarts);
        expect(charged.stamps.every(Number.isFinite)).toBe(true);
      }),
    );
  });
});

describe('the sum of the delays of a budget', () => {
  it('is a finite number where it is shown, for every backoff that is valid', () => {
    fc.assert(
      fc.property(backoff, time, (given, maxRestarts) => {
        const problems = validate({ backoff: given, maxRestarts, within: 1, children: [] });
        for (const { rule } of problems) expect(rule).not.toMatch(/NaN|Infinity/);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([1e16, 1e300, Number.POSITIVE_INFINITY, Number.NaN, -1])('takes no number of ms such as %d', (ms) => {
    for (const field of ['within', 'cooldown', 'maxRestarts'])
      expect(validate({ [field]: ms, children: [] }).map(({ path }) => path)).toContain(field);
    const agent = { id: 'a', command: ['x'], maxRuntime: ms, stop: { ask: ms, kill: ms } };
    expect(validate({ children: [agent] })).toHaveLength(3);
  });
});

describe('extensions of one start or stop', () => {
  it('are finite, never negative, and together never more than the most', () => {
    const asked = fc.double({ min: 0, noNaN: true });
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 20 }), fc.nat(300_000), (asks, most) => {
        let granted = 0;
        let running = 0;
        for (const each of asks) {
          running = grantExtension(each, running, granted, most);
          granted += running;
          expect(running).toBeGreaterThanOrEqual(0);
          expect(granted).toBeLessThanOrEqual(most);
        }
      }),
    );
  });
});
