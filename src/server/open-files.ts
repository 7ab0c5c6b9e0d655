import { ownLimits } from '../drivers/proc/system.js';

/** As many as this server has room for in its own figures: two thousand connections, and a thousand agents with their pipes. */
const ENOUGH = 8192;

/**
 * What to tell an operator whose limit of open files is low; `null` when it is not, or not known. Every connection and every pipe of an
 * agent is a file. Node has raised the soft limit to the hard one, which only the system can raise (RLIMIT_NOFILE in getrlimit(2)). At
 * the limit no further peer is let in, and libzmq tries again without a pause until one leaves.
 */
export function openFilesWarning(limits: string = ownLimits()): string | null {
  const limit = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  if (limit >= ENOUGH) return null;
  return `at most ${limit} files can be open: that many connections and pipes of agents together; raise it with LimitNOFILE= or ulimit -Hn`;
}
