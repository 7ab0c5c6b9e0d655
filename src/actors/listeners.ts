import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Incarnation } from './driver.js';

/**
 * Whether a process of this incarnation listens on the TCP port: a stranger's answer on a leased port is not readiness.
 * `undefined` when /proc does not tell, for example because the listener is in another network namespace (proc(5)).
 */
export function ownsListener(body: Incarnation | null, port: number): boolean | undefined {
  const sockets = listeningSockets(port);
  const pids = body?.inspect().map(({ pid }) => pid) ?? [];
  if (sockets.size === 0 || pids.length === 0) return undefined;
  return pids.some((pid) => holdsAny(pid, sockets));
}

/** Column 4 of /proc/net/tcp: the socket listens. */
const LISTEN = '0A';

function listeningSockets(port: number): Set<string> {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const found = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readLines(table)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === LISTEN && inode !== undefined && local?.endsWith(`:${wanted}`)) found.add(`socket:[${inode}]`);
    }
  }
  return found;
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'latin1').split('\n').slice(1);
  } catch {
    return [];
  }
}

function holdsAny(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => sockets.has(targetOf(`/proc/${pid}/fd/${fd}`)));
  } catch {
    return false;
  }
}

/** A descriptor may be closed between the listing and the look at it. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
