import { ownedThreads, ownLimits } from '../drivers/proc/system.js';
import { SupertreeError } from '../errors.js';

/** RLIMIT_NPROC of getrlimit(2), which counts the threads of all processes of a user. */
export interface ProcessLimit {
  readonly user: number;
  readonly limit: number;
  readonly used: number;
}

/** The limit of this process; `null` where there is none, as for root. */
export function processLimit(limits: string = ownLimits()): ProcessLimit | null {
  const limit = Number(/^Max processes +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  const user = process.geteuid?.() ?? 0;
  if (user === 0 || limit === Number.POSITIVE_INFINITY) return null;
  return { user, limit, used: ownedThreads(user) };
}

/** Throws PROCESS_LIMIT when the threads of the sockets cannot be started: libzmq ends the whole program then. */
export function requireSocketThreads(found: ProcessLimit | null = processLimit()): void {
  if (found === null || found.limit - found.used >= SOCKET_THREADS) return;
  const { user, limit, used } = found;
  const problem = `user ${user} may have ${limit} and has ${used}, and the sockets of a server need ${SOCKET_THREADS} more`;
  throw new SupertreeError('PROCESS_LIMIT', { problem });
}

/** One that reads and writes for all sockets, and one that closes them. */
const SOCKET_THREADS = 2;
