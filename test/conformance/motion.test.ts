import fc from 'fast-check';
import { describe, it } from 'vitest';
import { histories, live, steps } from './histories.js';

/** More of them: `HISTORIES=100000 npx vitest run test/conformance/motion.test.ts`. Seeds are printed with a failure. */
const HISTORIES = Number(process.env.HISTORIES ?? 1_000);

describe('a supervisor in motion', () => {
  for (const strategy of ['one_for_one', 'one_for_all', 'rest_for_one'] as const) {
    it(`agrees with the reference at every step under ${strategy}`, { timeout: 60_000 + HISTORIES * 20 }, () => {
      fc.assert(fc.property(histories(strategy), steps, live), { numRuns: HISTORIES });
    });
  }
});
