import { declare } from './libc.js';

const setLimit = declare('int setrlimit(int resource, void *limit)');
const getLimit = declare('int getrlimit(int resource, void *limit)');
const limitOf = declare('int prlimit(int pid, int resource, void *set, void *limit)');
/** The session of a process; -1 when there is none. */
export const sessionOf = declare('int getsid(int pid)');

/** RLIMIT_LOCKS of getrlimit(2): the kernel has ignored it since 2.4.25, but every process still inherits it. */
const LOCKS = 10;

/** The soft and the hard limit. */
const own = new BigUint64Array(2);
const branded = new BigUint64Array(2);

/** The soft and the hard limit of file locks that this process has inherited. */
export function inheritedLimits(): { soft: bigint; hard: bigint } {
  getLimit(LOCKS, own);
  return { soft: own[0]!, hard: own[1]! };
}

/**
 * The soft limit of file locks of a process, also of one that /proc hides from its user: one that is not dumpable, with the option hidepid. `undefined` for that
 * of another user, and when there is none.
 */
export function brandIn(pid: number): bigint | undefined {
  return limitOf(pid, LOCKS, null, branded) === 0 ? branded[0] : undefined;
}

/**
 * Calls `spawn` while the soft limit of file locks of this process is `brand`, which the child and all its descendants inherit. No other thread of this
 * process makes children. Where the hard limit is lower, the child has no brand.
 */
export function withBrand<T>(brand: bigint, spawn: () => T): T {
  getLimit(LOCKS, own);
  branded[0] = brand;
  branded[1] = own[1]!;
  setLimit(LOCKS, branded);
  try {
    return spawn();
  } finally {
    setLimit(LOCKS, own);
  }
}
