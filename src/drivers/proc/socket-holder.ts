import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { listPids } from './proc.js';
import { withDescriptor } from './spare-descriptor.js';

/** The pid of a process of this user that listens at the path of a Unix socket; `null` when none can be found. Reads the descriptors of all processes. */
export function socketHolder(path: string): number | null {
  const links = new Set(inodesOf(path).map((inode) => `socket:[${inode}]`));
  if (links.size === 0) return null;
  return listPids()?.find((pid) => descriptorsOf(pid).some((link) => links.has(link))) ?? null;
}

/** /proc/net/unix: the seventh field of a line is the inode, the last one the path (proc_net(5)). */
function inodesOf(path: string): string[] {
  const lines = attempt(() => readFileSync('/proc/net/unix', 'utf8'))?.split('\n') ?? [];
  return lines.filter((line) => line.endsWith(` ${path}`)).map((line) => line.trim().split(/\s+/)[6] ?? '');
}

function descriptorsOf(pid: number): string[] {
  const names = attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  return names.map((name) => attempt(() => readlinkSync(`/proc/${pid}/fd/${name}`)) ?? '');
}

/** `undefined` for what is gone, or not ours to read. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return withDescriptor(read);
  } catch {
    return undefined;
  }
}
