import { describe, it } from 'vitest';
import fc, { SEED } from '../fast-check.js';
import { families, liveTree, treeSteps, trees } from './tree-histories.js';

/*
 * Supervisors in motion, nested and alone, with zombies, kills, retried boots and parallel starts. How to live through more histories, and others:
 * motion.test.ts.
 */
const HISTORIES = Number(process.env.HISTORIES ?? 80);

describe.each([
  ['nested supervisors', trees, SEED],
  ['supervisors of agents', families, SEED + 3],
] as const)('%s in motion', (_, roots, seed) => {
  it.each([
    ['one_for_one', seed],
    ['one_for_all', seed + 1],
    ['rest_for_one', seed + 2],
  ] as const)(
    'agree with the reference at every step where the root is %s (seed %i)',
    (strategy, seed) => fc.assert(fc.property(roots(strategy), treeSteps, liveTree), { numRuns: HISTORIES, seed }),
    60_000 + HISTORIES * 50,
  );
});
