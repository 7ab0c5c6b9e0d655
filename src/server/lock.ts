import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { privateDirectory } from '../actors/locks/private-directory.js';
import { fitsSocket, lockHolder, takeLock } from '../actors/locks/socket-lock.js';
import { ownerOf } from '../drivers/proc/system.js';
import { placeProblem } from './permissions.js';

/** The lock of one socket path. Only its holder binds a socket there. */
export interface PathLock {
  /** Gives the lock back. */
  release(): void;
}

/**
 * Takes the lock of a socket path. Resolves with the lock, or with a description of its present holder. The lock is the directory `PATH.lock` beside the
 * socket, or one in the private directory of the user when that path would be too long. The directory of the socket must exist; different spellings of one
 * path have the same lock. Rejects when another user could have made, or could replace, the entry at the path of the lock.
 */
export async function lockPath(path: string): Promise<PathLock | string> {
  const real = join(await realpath(dirname(path)), basename(path));
  const entry = lockPathOf(real);
  const problem = placeProblem(entry);
  if (problem !== null) throw new Error(problem);
  const lock = await takeLock(entry, `pid ${process.pid}`);
  return 'socket' in lock ? holderOf(lock.socket) : lock;
}

/** Describes the present holder of the lock of a socket path; `null` when there is none. The directory of the socket must exist. */
export async function holderOfPath(path: string): Promise<string | null> {
  const holder = await lockHolder(lockPathOf(join(await realpath(dirname(path)), basename(path))));
  return holder === null ? null : holderOf(holder.socket);
}

function lockPathOf(path: string): string {
  const beside = `${path}.lock`;
  if (fitsSocket(beside)) return beside;
  return join(privateDirectory(), `lock-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`);
}

/** The time limit for the whole banner of the holder, in ms. */
const BANNER_TIMEOUT = 500;

/** The most characters of a banner. A longer one is not that of a server. */
const MAX_BANNER = 32;

const UNKNOWN_HOLDER = 'an unknown process that holds its lock';

/** Describes the holder of a lock. The pid in its banner is used only if that process belongs to this user, or if this user is root. */
async function holderOf(socket: string): Promise<string> {
  const pid = /^pid (\d{1,10})$/.exec(await readBanner(socket))?.[1];
  if (pid === undefined) return UNKNOWN_HOLDER;
  const owner = await ownerOf(pid);
  const user = process.getuid?.();
  return owner !== null && (user === 0 || owner === user) ? `another supertree server (pid ${pid})` : UNKNOWN_HOLDER;
}

/** Reads the banner of the holder, until the holder closes the connection, the banner is too long, or the time limit has passed. */
function readBanner(path: string): Promise<string> {
  return new Promise((resolve) => {
    let banner = '';
    const socket = connect(path);
    const timer = setTimeout(() => socket.destroy(), BANNER_TIMEOUT);
    socket.on('data', (bytes) => {
      banner += bytes.toString('latin1', 0, MAX_BANNER);
      if (banner.length > MAX_BANNER) socket.destroy();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(banner);
    });
  });
}
