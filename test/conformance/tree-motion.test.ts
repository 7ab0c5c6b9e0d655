import { describe, it } from 'vitest';
import fc, { SEED } from '../fast-check.js';
import { liveTree, treeSteps, trees } from './tree-histories.js';

/*
 * Nested supervisors in motion. How to live through more histories, and others: motion.test.ts.
 */
const HISTORIES = Number(process.env.HISTORIES ?? 80);

describe('nested supervisors in motion', () => {
  it.each([
    ['one_for_one', SEED],
    ['one_for_all', SEED + 1],
    ['rest_for_one', SEED + 2],
  ] as const)(
    'agree with the reference at every step below a root with %s (seed %i)',
    (strategy, seed) => fc.assert(fc.property(trees(strategy), treeSteps, liveTree), { numRuns: HISTORIES, seed }),
    60_000 + HISTORIES * 50,
  );
});
