import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { ownerOf } from '../drivers/proc/system.js';

/** Holds the right to bind one socket path. */
export interface PathLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of a socket path: resolves with it, or with the words for who holds it. The lock is an abstract socket
 * (unix(7)): the kernel gives it to one process and takes it back when that process ends, however it ends, so it is
 * never stale and two servers that start at once cannot both have it. The directory of the path must be there; however it is spelt, it is one lock.
 * Any user of the machine can take the name first (docs/security.md): then it is an answer within `PATIENCE` too.
 */
export async function lockPath(path: string): Promise<PathLock | string> {
  const real = join(await realpath(dirname(path)), basename(path));
  const name = `\0supertree-${createHash('sha256').update(real).digest('hex').slice(0, 32)}`;
  // Whoever asks is told who holds it.
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    // Whoever keeps its end open must not keep the lock from being released.
    socket.end(`pid ${process.pid}`, () => socket.destroy());
  });
  return (await listen(server, name)) ? { release: () => closed(server) } : holderOf(name);
}

/** False when somebody else has the name. */
function listen(server: Server, name: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(name, () => resolve(true));
    server.unref();
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/** How long the holder has to say who it is, in ms, however little it says at a time. */
const PATIENCE = 500;

/** What is longer is not what a server says. */
const MAX_SAID = 32;

const NOBODY = 'somebody who holds its lock and does not say who it is';

/**
 * Node has no SO_PEERCRED, so who is at the other end cannot be proved: what it says is believed when that process exists and belongs to this
 * user, or when this is root, who may meet the servers of anybody.
 */
async function holderOf(name: string): Promise<string> {
  const pid = /^pid (\d{1,10})$/.exec(await askHolder(name))?.[1];
  if (pid === undefined) return NOBODY;
  const owner = await ownerOf(pid);
  const user = process.getuid?.();
  return owner !== null && (user === 0 || owner === user) ? `another supertree server (pid ${pid})` : NOBODY;
}

/** What the holder says, cut; what it has said when its time is over. */
function askHolder(name: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(name);
    const timer = setTimeout(() => socket.destroy(), PATIENCE);
    socket.on('data', (bytes) => {
      said += bytes.toString('latin1', 0, MAX_SAID);
      if (said.length > MAX_SAID) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(said);
    });
  });
}
