import { readdir, readFile, readlink } from 'node:fs/promises';

/** Stands for a holder that cannot be found: it may not be read, or has gone. */
export const UNKNOWN_HOLDER = 'an unknown process';

/**
 * The processes that hold these TCP ports: `pid 4711 (python3 -m http.server)`, or `UNKNOWN_HOLDER`. Reads /proc/net/tcp and tcp6 for the inodes and every
 * /proc/PID/fd for their owners (proc(5)), once for all ports. Never rejects.
 */
export async function holdersOf(ports: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const inodes = await inodesOf(new Set(ports));
  const pids = inodes.size === 0 ? new Map<number, number>() : await pidsOf(inodes);
  const found = new Map<number, string>();
  for (const port of ports) {
    const pid = pids.get(port);
    found.set(port, pid === undefined ? UNKNOWN_HOLDER : `pid ${pid} (${await commandOf(pid)})`);
  }
  return found;
}

/** The sockets on these ports, from inode to port; for a port with a listener only the listening ones. */
async function inodesOf(ports: ReadonlySet<number>): Promise<Map<string, number>> {
  const rows = (await Promise.all(TABLES.map(rowsOf))).flat().filter((row) => ports.has(row.port));
  const listened = new Set(rows.filter((row) => row.listens).map((row) => row.port));
  return new Map(rows.filter((row) => row.listens || !listened.has(row.port)).map((row) => [row.inode, row.port]));
}

interface SocketRow {
  readonly port: number;
  readonly listens: boolean;
  readonly inode: string;
}

/** Columns of the table: sl, local address, remote address, state, queues, timer, retransmits, uid, timeout, inode. */
async function rowsOf(table: string): Promise<SocketRow[]> {
  const lines = (await textOf(table)).split('\n').slice(1);
  return lines.flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const [, local, , state] = columns;
    const inode = columns[9];
    if (local === undefined || inode === undefined || inode === '0') return [];
    return [{ port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), listens: state === LISTEN, inode }];
  });
}

/** The first process that has one of these sockets open, by port. Processes are read one after another: this is never urgent. */
async function pidsOf(inodes: ReadonlyMap<string, number>): Promise<Map<number, number>> {
  const wanted = new Set(inodes.values());
  const found = new Map<number, number>();
  for (const entry of await namesIn('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    for (const inode of await socketsOf(entry)) {
      const port = inodes.get(inode);
      if (port !== undefined && !found.has(port)) found.set(port, Number(entry));
    }
    if (found.size === wanted.size) break;
  }
  return found;
}

async function socketsOf(pid: string): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await namesIn(folder)).map((fd) => linkOf(`${folder}/${fd}`)));
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

async function commandOf(pid: number): Promise<string> {
  const words = (await textOf(`/proc/${pid}/cmdline`)).split('\0').join(' ').trim();
  if (words === '') return (await textOf(`/proc/${pid}/comm`)).trim() || 'no command';
  return words.length > LONGEST_COMMAND ? `${words.slice(0, LONGEST_COMMAND)}...` : words;
}

// Processes end while they are read, and foreign ones may be unreadable: both count as empty.
const textOf = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
const linkOf = (path: string): Promise<string> => readlink(path).catch(() => '');

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
const LISTEN = '0A';
const LONGEST_COMMAND = 80;
