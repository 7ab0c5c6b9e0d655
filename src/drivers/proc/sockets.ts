import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { withDescriptor } from './spare-descriptor.js';

/**
 * Whether one of these processes listens on the TCP port: by the inodes in /proc/net/tcp and tcp6 and the descriptors of the processes (proc_pid_net(5),
 * proc_pid_fd(5)). `undefined` when /proc cannot be read.
 */
export function listensOn(pids: readonly number[], port: number): boolean | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  let unread = false;
  for (const pid of pids) {
    const links = descriptorsOf(pid);
    if (links === undefined) unread = true;
    else if (links.some((link) => inodes.has(link))) return true;
  }
  return unread ? undefined : false;
}

/** A socket of the domain AF_UNIX (unix(7)) with a path. */
export interface UnixSocket {
  readonly path: string;
  /** False for one that is connected. */
  readonly isListening: boolean;
}

/** The sockets with a path that a process of this user has open, those that it has accepted included, which have the path of the listener. */
export function unixSocketsOf(pid: number): UnixSocket[] {
  const links = new Set(descriptorsOf(pid) ?? []);
  return textOf('/proc/net/unix')
    .split('\n')
    .flatMap((line) => {
      const [, flags = '', inode, path = ''] = UNIX_SOCKET.exec(line) ?? [];
      if (!links.has(`socket:[${inode}]`)) return [];
      return [{ path, isListening: (Number.parseInt(flags, 16) & ACCEPTS) !== 0 }];
    });
}

function listeningInodes(port: number): Set<string> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of textOf(table).split('\n')) {
      const column = line.trim().split(/\s+/);
      if (column[3] === LISTEN && column[1]?.endsWith(`:${hex}`)) inodes.add(`socket:[${column[9]}]`);
    }
  }
  return inodes;
}

function descriptorsOf(pid: number): string[] | undefined {
  try {
    return withDescriptor(() => readdirSync(`/proc/${pid}/fd`)).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    return undefined; // gone, or of another user
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed since it was listed
  }
}

function textOf(path: string): string {
  try {
    return withDescriptor(() => readFileSync(path, 'utf8'));
  } catch {
    return ''; // tcp6 is missing where IPv6 is off
  }
}

const LISTEN = '0A';

/** A line of /proc/net/unix: the fourth field are flags, the seventh is the inode, and the rest is the path, which may have spaces (proc_pid_net(5)). */
const UNIX_SOCKET = /^(?:\S+\s+){3}(\S+)\s+(?:\S+\s+){2}(\d+) (.+)$/;

/** __SO_ACCEPTCON of the kernel. */
const ACCEPTS = 0x10000;
