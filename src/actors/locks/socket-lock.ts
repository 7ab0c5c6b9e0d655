import { randomBytes } from 'node:crypto';
import { lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { killAtExit } from '../../drivers/local/exit-hook.js';
import { makePrivateDirectory } from './private-directory.js';

/** A lock that this process holds until it releases the lock or ends. */
export interface SocketLock {
  /** Gives the lock back and removes its files. A second call does nothing. */
  release(): void;
}

/** Another process, or another part of this one, holds the lock. */
export interface LockHolder {
  /** The path of the socket at which the holder listens. */
  readonly socket: string;
}

/**
 * Takes the lock at a path, in a directory that only this user can write. `banner` is sent to every process that connects to the socket of the lock.
 * Resolves with the holder when the lock is held already. Rejects with the error of the system, and when the path exists and is not a lock.
 *
 * The lock is a directory with one listening socket, which the kernel closes when its process ends, however it ends. Each socket has a random name.
 * So a lock never has two holders, and the lock of a dead process blocks no other process:
 * 1. The process makes a directory with a random name, and a socket in it that listens at once.
 * 2. It renames that directory to the path of the lock. rename(2) replaces an empty directory and fails on any other one: of several processes that try at
 *    the same time, one succeeds.
 * 3. A process whose rename failed connects to the socket that it finds. If no process listens there, it removes that socket by its name. A socket that a
 *    third process has moved there meanwhile has another name, so it is not removed. Then the directory is empty, and 2 is tried again.
 */
export async function takeLock(path: string, banner = ''): Promise<SocketLock | LockHolder> {
  if (!fitsSocket(path)) throw new Error(`a socket in ${dirname(path)} would have too long a path`);
  const held = await lockHolder(path);
  if (held !== null) return held;
  const id = randomBytes(ID_BYTES).toString('hex');
  const made = join(dirname(path), `.${id}`);
  makePrivateDirectory(made);
  const server = createLockServer(banner);
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

/** True when a lock can be at this path: the paths of its sockets are longer, and Linux limits their length (unix(7)). */
export function fitsSocket(path: string): boolean {
  const id = 2 * ID_BYTES;
  const longest = Math.max(Buffer.byteLength(basename(path)), 1 + id);
  return Buffer.byteLength(dirname(path)) + 1 + longest + 1 + id <= MAX_SOCKET_PATH;
}

/**
 * Removes the files of killed processes from a directory: locks whose names begin with `prefix` and whose socket has no listener, and directories of locks
 * that were made more than a minute ago and never renamed.
 */
export async function sweepLocks(directory: string, prefix: string): Promise<void> {
  const unfinished = Date.now() - UNFINISHED;
  for (const name of entriesOf(directory)) {
    const path = join(directory, name);
    const isLeft =
      UNPLACED.test(name) && (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? unfinished) < unfinished;
    if (!name.startsWith(prefix) && !isLeft) continue;
    if ((await lockHolder(path)) === null) attempt(() => rmdirSync(path), ALREADY_REMOVED);
  }
}

function createLockServer(banner: string): Server {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    // A peer that keeps its end open must not delay the release of the lock.
    socket.end(banner, () => socket.destroy());
  });
  server.unref();
  return server;
}

/** `exclusive`, because workers of node:cluster would share the socket otherwise. Errors after the start concern single connections, not the lock. */
function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen({ path, exclusive: true }, resolve);
    server.unref();
  });
}

/** Moves the directory of a new lock to its path. False when there is a lock at the path already. */
function moveTo(made: string, path: string): boolean {
  return attempt(() => renameSync(made, path), HELD);
}

function keep(server: Server, path: string, id: string): SocketLock {
  const remove = (): true => {
    attempt(() => unlinkSync(join(path, id)), ALREADY_REMOVED);
    attempt(() => rmdirSync(path), ALREADY_REMOVED);
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
  // This removes the file of the socket too.
  server.close();
  for (const name of entriesOf(made)) attempt(() => unlinkSync(join(made, name)), ALREADY_REMOVED);
  attempt(() => rmdirSync(made), ALREADY_REMOVED);
  return result;
}

/** Returns the holder of a lock. When there is none, removes the dead sockets in the directory of the lock and returns `null`. */
export async function lockHolder(path: string): Promise<LockHolder | null> {
  for (const name of entriesOf(path)) {
    const socket = join(path, name);
    if (await isListening(socket)) return { socket };
    attempt(() => unlinkSync(socket), ALREADY_REMOVED);
  }
  return null;
}

/** True when a process listens at the path, even if it is stopped or too busy to accept. Rejects when this process has no descriptor left for the connection. */
function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (OUT_OF_RESOURCES.has(error.code ?? '')) reject(error);
      else resolve(!DEAD.has(error.code ?? ''));
    });
  });
}

/** The names of the entries of a directory; none when it does not exist. Links are not followed. */
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

/** Calls `work`. Returns false when it throws a system error with one of these codes. */
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

/** The name of the directory of a lock before it is renamed. */
const UNPLACED = new RegExp(`^\\.[0-9a-f]{${2 * ID_BYTES}}$`);

/** sockaddr_un.sun_path of Linux less its final zero; Node cuts what is longer. */
const MAX_SOCKET_PATH = 107;

/** The age at which a directory that was never renamed counts as left by a dead process, in ms. */
const UNFINISHED = 60_000;

const HELD: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST']);
const ALREADY_REMOVED: ReadonlySet<string> = new Set(['ENOENT', 'ENOTEMPTY', 'EEXIST']);
const DEAD: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK']);
/** Errors for want of a descriptor or of memory: they say nothing about the path. */
export const OUT_OF_RESOURCES: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
