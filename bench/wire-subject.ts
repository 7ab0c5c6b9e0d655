/*
 * The built server, as `subject.ts` has the built tree.
 */

const dist = process.env.SUPERTREE_BENCH_DIST;

export const { createServer } = (await import(
  `${dist}/../build/server/server.js`
)) as typeof import('../src/server/server.js');
export const { clientTicket } = (await import(
  `${dist}/../build/protocol/curve.js`
)) as typeof import('../src/protocol/curve.js');
