import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { privateDirectory } from '../actors/locks/private-directory.js';
import { fitsSocket, takeLock } from '../actors/locks/socket-lock.js';
import { ownerOf } from '../drivers/proc/system.js';
import { placeProblem } from './permissions.js';

/** Holds the right to bind one socket path. */
export interface PathLock {
  release(): void;
}

/**
 * Takes the lock of a socket path: resolves with it, or with the words for who holds it. The lock stands beside the socket, where nobody else may replace
 * anything, at `PATH.lock`; in the private directory of the user when that path would be too long. The directory of the path must be there; however it is
 * spelt, it is one lock. Rejects when what stands at the path of the lock could be somebody else's.
 */
export async function lockPath(path: string): Promise<PathLock | string> {
  const real = join(await realpath(dirname(path)), basename(path));
  const place = placeOf(real);
  const problem = placeProblem(place);
  if (problem !== null) throw new Error(problem);
  const lock = await takeLock(place, `pid ${process.pid}`);
  return 'socket' in lock ? holderOf(lock.socket) : lock;
}

function placeOf(path: string): string {
  const beside = `${path}.lock`;
  if (fitsSocket(beside)) return beside;
  return join(privateDirectory(), `lock-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`);
}

/** How long the holder has to say who it is, in ms, however little it says at a time. */
const PATIENCE = 500;

/** What is longer is not what a server says. */
const MAX_SAID = 32;

const NOBODY = 'somebody who holds its lock and does not say who it is';

/** What the holder says of itself is believed when that process exists and belongs to this user, or when this is root. */
async function holderOf(socket: string): Promise<string> {
  const pid = /^pid (\d{1,10})$/.exec(await askHolder(socket))?.[1];
  if (pid === undefined) return NOBODY;
  const owner = await ownerOf(pid);
  const user = process.getuid?.();
  return owner !== null && (user === 0 || owner === user) ? `another supertree server (pid ${pid})` : NOBODY;
}

/** What the holder says, cut; what it has said when its time is over. */
function askHolder(path: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(path);
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
