import { describe, it } from 'vitest';
import fc, { SEED } from '../fast-check.js';
import { histories, live, steps } from './histories.js';
import { families, liveTree, treeSteps, trees } from './tree-histories.js';

/*
 * As motion.test.ts and tree-motion.test.ts, for longer.
 */
describe.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)('supervisors of %s', (strategy) => {
  it(`agree with the reference through 5,000 histories (seed ${SEED})`, { timeout: 600_000 }, () => {
    fc.assert(fc.property(histories(strategy), steps, live), { numRuns: 5_000 });
  });

  it(`agree with the reference through 1,000 histories of nested ones (seed ${SEED})`, { timeout: 600_000 }, () =>
    fc.assert(fc.property(trees(strategy), treeSteps, liveTree), { numRuns: 1_000 }),
  );

  it(
    `agree with the reference through 3,000 histories of zombies, kills and boots (seed ${SEED})`,
    {
      timeout: 600_000,
    },
    () => fc.assert(fc.property(families(strategy), treeSteps, liveTree), { numRuns: 3_000 }),
  );
});
