import { describe, it } from 'vitest';
import fc, { SEED } from '../fast-check.js';
import { histories, live, steps } from './histories.js';

/*
 * The suite lives through the same histories each time, and motion.long.test.ts through more. Others, and more of them:
 * `HISTORIES=100000 SEED=$RANDOM npx vitest run test/conformance/motion.test.ts`. A failure prints its seed and its path.
 */
const HISTORIES = Number(process.env.HISTORIES ?? 200);

describe('a supervisor in motion', () => {
  for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
    it(`agrees with the reference at every step under ${strategy} (seed ${SEED})`, {
      timeout: 60_000 + HISTORIES * 20,
    }, () => {
      fc.assert(fc.property(histories(strategy), steps, live), { numRuns: HISTORIES });
    });
  }
});
