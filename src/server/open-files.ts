import { ownLimits } from '../drivers/proc/system.js';

/** Enough for the server's own limits: two thousand connections, and a thousand agents with their pipes. */
export const RECOMMENDED_LIMIT = 8192;

/**
 * A warning for an operator whose limit of open files is low; `null` otherwise. Every connection and every pipe of an agent is a file. Node has raised
 * the soft limit to the hard one, which only the system can raise (RLIMIT_NOFILE in getrlimit(2)). At the limit no agent starts, so connections get
 * at most half of it (see `connectionShare`).
 */
export function openFilesWarning(limits: string = ownLimits()): string | null {
  const limit = openFilesLimit(limits);
  if (limit >= RECOMMENDED_LIMIT) return null;
  return `at most ${limit} files can be open: that many connections and pipes of agents together; raise it with LimitNOFILE= or ulimit -Hn`;
}

/** The most tcp connections of a server: half of the files that it may open. The rest is for agents, logs and answers. */
export function connectionShare(limits: string = ownLimits()): number {
  return Math.floor(openFilesLimit(limits) / 2);
}

/** The most files that this process may have open. */
export function openFilesLimit(limits: string = ownLimits()): number {
  return Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}
