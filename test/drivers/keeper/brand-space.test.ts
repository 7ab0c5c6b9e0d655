import { describe, expect, it } from 'vitest';
import { BrandSpace, LAST_SLOT } from '../../../src/drivers/keeper/program/brand-space.js';

const UNLIMITED = 2n ** 64n - 1n;
const keeperUnder = (soft: bigint) => new BrandSpace({ soft, hard: UNLIMITED });

describe('the brands of a keeper', () => {
  it('name the slot of each incarnation', () => {
    const brands = keeperUnder(UNLIMITED);
    for (const slot of [1, 2, 4711, LAST_SLOT]) expect(brands.slotOf(brands.brandOf(slot))).toBe(slot);
  });

  it('are no limits that a user sets, and no other limit is a brand', () => {
    const brands = keeperUnder(1024n);
    expect(brands.brandOf(1)).toBe(keeperUnder(UNLIMITED).brandOf(1));
    for (const limit of [0n, 5n, 2n ** 32n, 2n ** 63n, UNLIMITED]) expect(brands.slotOf(limit)).toBeNull();
  });

  it('of an inner keeper name the incarnation of the outer one that it runs in', () => {
    const outer = keeperUnder(UNLIMITED);
    const inner = keeperUnder(outer.brandOf(7));
    const innermost = keeperUnder(inner.brandOf(8));
    const brand = innermost.brandOf(9);
    expect([outer, inner, innermost].map((brands) => brands.slotOf(brand))).toEqual([7, 8, 9]);
    expect(brand).toBeLessThan(2n ** 62n);
  });

  it('are not taken for those of a keeper beside or above', () => {
    const outer = keeperUnder(UNLIMITED);
    const [one, other] = [keeperUnder(outer.brandOf(1)), keeperUnder(outer.brandOf(2))];
    expect(one.slotOf(other.brandOf(1))).toBeNull();
    expect(one.slotOf(outer.brandOf(1))).toBeNull();
  });

  it('end with the third level, and with a hard limit below them', () => {
    const innermost = keeperUnder(keeperUnder(keeperUnder(UNLIMITED).brandOf(1)).brandOf(1));
    expect(innermost.isUsable).toBe(true);
    expect(keeperUnder(innermost.brandOf(1)).isUsable).toBe(false);
    expect(new BrandSpace({ soft: 1024n, hard: 1024n }).isUsable).toBe(false);
  });
});
