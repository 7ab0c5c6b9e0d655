import fc from 'fast-check';

/**
 * fast-check for all tests of this repository: every property is given the same inputs in each run. `SEED=$RANDOM npx vitest run FILE` gives it
 * others; a failure prints its seed and its path.
 */
export const SEED = Number(process.env.SEED ?? 1_956_192_510);

fc.configureGlobal({ seed: SEED });

export { default } from 'fast-check';
