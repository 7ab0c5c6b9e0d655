import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { killAtExit } from '../../drivers/local/exit-hook.js';
import { makePrivateDirectory } from './private-directory.js';

/** What one process has, until it releases it or ends. */
export interface SocketLock {
  /** Gives it back and removes its files. A second call does nothing. */
  release(): void;
}

/** Somebody else has the lock, and listens at this path. */
export interface LockHolder {
  readonly socket: string;
}

/**
 * Takes the lock that a path stands for, in a directory that nobody else can write; `greeting` is said to whoever connects to it. Resolves with the
 * holder when another one has it. Rejects with what the system says, and when there is something else than a lock at the path.
 *
 * The lock is a directory with one listening socket, which the kernel closes when its process ends, however it ends. The name of the socket is
 * new each time. So no lock is had twice, and one of a dead process is in nobody's way:
 * 1. The socket is made in a directory of its own, and listens there before anybody can find it.
 * 2. That directory is renamed to the path of the lock. rename(2) replaces an empty directory and refuses any other one: one of many who try succeeds.
 * 3. Who is refused connects to the socket that it finds. If nobody listens, it removes that socket, by its name: a newer one has another name, so
 *    whoever is late removes nothing of it. Then the directory is empty, and 2 is tried again.
 */
export async function takeLock(path: string, greeting = ''): Promise<SocketLock | LockHolder> {
  if (!fitsSocket(path)) throw new Error(`a socket in ${dirname(path)} would have too long a path`);
  const held = await lockHolder(path);
  if (held !== null) return held;
  const id = randomBytes(ID_BYTES).toString('hex');
  const made = join(dirname(path), `.${id}`);
  makePrivateDirectory(made);
  const server = createLockServer(greeting);
  try {
    await listen(server, join(made, id));
    for (;;) {
      if (moveTo(made, path)) return keep(server, path, id);
      const holder = await lockHolder(path);
      if (holder !== null) return discard(server, made, holder);
    }
  } catch (thrown) {
    discard(server, made, null);
    throw thrown;
  }
}

/** Whether a lock can be at this path: the paths of its sockets are longer, and Linux bounds them (unix(7)). */
export function fitsSocket(path: string): boolean {
  const id = 2 * ID_BYTES;
  const longest = Math.max(Buffer.byteLength(basename(path)), 1 + id);
  return Buffer.byteLength(dirname(path)) + 1 + longest + 1 + id <= MAX_SOCKET_PATH;
}

/**
 * Removes what processes that were killed left in a directory: locks whose names begin with `prefix` and in which nobody listens, and those that have been
 * on the way to their place for a minute.
 */
export async function sweepLocks(directory: string, prefix: string): Promise<void> {
  const unfinished = Date.now() - UNFINISHED;
  for (const name of entriesOf(directory)) {
    const path = join(directory, name);
    const isLeft =
      UNPLACED.test(name) && (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? unfinished) < unfinished;
    if (!name.startsWith(prefix) && !isLeft) continue;
    if ((await lockHolder(path)) === null) attempt(() => rmdirSync(path), GONE);
  }
}

function createLockServer(greeting: string): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    // Whoever keeps its end open must not keep the lock from being released.
    socket.end(greeting, () => socket.destroy());
  });
  server.unref();
  return server;
}

/** `exclusive`, lest a worker of node:cluster shares the socket with the others. Later errors are of one connection: the lock is had all the same. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen({ path, exclusive: true }, resolve);
    server.unref();
  });
}

/** False when there is a lock at the path already. */
function moveTo(made: string, path: string): boolean {
  return attempt(() => renameSync(made, path), HELD);
}

function keep(server: Server, path: string, id: string): SocketLock {
  const remove = (): true => {
    attempt(() => unlinkSync(join(path, id)), GONE);
    attempt(() => rmdirSync(path), GONE);
    return true;
  };
  const forget = killAtExit(remove);
  let isHeld = true;
  return {
    release: () => {
      if (!isHeld) return;
      isHeld = false;
      forget();
      remove();
      server.close();
    },
  };
}

function discard<T>(server: Server, made: string, result: T): T {
  // The socket's file goes with it.
  server.close();
  for (const name of entriesOf(made)) attempt(() => unlinkSync(join(made, name)), GONE);
  attempt(() => rmdirSync(made), GONE);
  return result;
}

/** Who has this lock; `null` when nobody has it, and then nothing is left in it. */
export async function lockHolder(path: string): Promise<LockHolder | null> {
  for (const name of entriesOf(path)) {
    const socket = join(path, name);
    if (await isListening(socket)) return { socket };
    attempt(() => unlinkSync(socket), GONE);
  }
  return null;
}

/** A process that is stopped, or too busy to accept, listens. Rejects when this process has no descriptor left to look. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (OURS.has(error.code ?? '')) reject(error);
      else resolve(!DEAD.has(error.code ?? ''));
    });
  });
}

/** What is in a directory; nothing when it is not there. A link is not followed. */
function entriesOf(directory: string): readonly string[] {
  const stats = lstatSync(directory, { throwIfNoEntry: false });
  if (stats === undefined) return [];
  if (!stats.isDirectory()) throw new Error(`${basename(directory)} in ${dirname(directory)} is not a directory`);
  try {
    return readdirSync(directory);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw thrown;
  }
}

/** Does it; false when the system answers one of these codes. */
function attempt(work: () => void, codes: ReadonlySet<string>): boolean {
  try {
    work();
    return true;
  } catch (thrown) {
    if (codes.has((thrown as NodeJS.ErrnoException).code ?? '')) return false;
    throw thrown;
  }
}

const ID_BYTES = 6;

/** The name of a lock on the way to its place. */
const UNPLACED = new RegExp(`^\\.[0-9a-f]{${2 * ID_BYTES}}$`);

/** sockaddr_un.sun_path of Linux less its final zero; Node cuts what is longer. */
const MAX_SOCKET_PATH = 107;

/** How long a lock may be on the way to its place, in ms. */
const UNFINISHED = 60_000;

const HELD: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST']);
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST']);
const DEAD: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK']);
const OURS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
