import { ownLimits } from '../drivers/proc/system.js';

/** As many as this server has room for in its own figures: two thousand connections, and a thousand agents with their pipes. */
const ENOUGH = 8192;

/**
 * What to tell an operator whose limit of open files is low; `null` when it is not, or not known. Every connection and every pipe of an
 * agent is a file. Node has raised the soft limit to the hard one, which only the system can raise (RLIMIT_NOFILE in getrlimit(2)). At
 * the limit no agent starts, so connections have no more than half of it (see `connectionShare`).
 */
export function openFilesWarning(limits: string = ownLimits()): string | null {
  const limit = openFilesLimit(limits);
  if (limit >= ENOUGH) return null;
  return `at most ${limit} files can be open: that many connections and pipes of agents together; raise it with LimitNOFILE= or ulimit -Hn`;
}

/** How many tcp connections a server takes: half of the files that it may open. The others are for agents, logs and answers. */
export function connectionShare(limits: string = ownLimits()): number {
  return Math.floor(openFilesLimit(limits) / 2);
}

function openFilesLimit(limits: string): number {
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
