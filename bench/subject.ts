/*
 * What is measured is the built package, as a user runs it, never the sources: a loader that compiles them on the way adds code of its own.
 * SUPERTREE_BENCH_DIST may name another build to measure, to compare two of them.
 */

const dist = process.env.SUPERTREE_BENCH_DIST;

export const { createTree } = (await import(`${dist}/index.js`)) as typeof import('supertree');
export const { agentMachine, systemRootMachine } = (await import(
  `${dist}/machines/index.js`
)) as typeof import('supertree/machines');
