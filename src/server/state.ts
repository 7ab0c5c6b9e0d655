import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../contract/clock.js';
import type { Store } from '../contract/store.js';
import type { Driver } from '../drivers/driver.js';
import { openKeepingDriver } from '../drivers/keeper/keeper.js';
import { messageOf, SupertreeError } from '../errors.js';
import { makeDirectory } from './directory.js';
import { lockPath, type PathLock } from './lock.js';
import { isOurs, OTHERS } from './permissions.js';

/** The driver and the store of a state directory, for `createTree`. */
export interface State {
  /** Runs commands below a keeper that outlives this program. */
  readonly driver: Driver;
  readonly store: Store;
  /** Gives the directory back. The tree must have ended. */
  close(): void;
}

export interface StateOptions {
  /** The name of the tree, which ps(1) shows for the keeper. If not given, `root`. */
  readonly tree?: string;
  /** Called with problems of the keeper that belong to no agent. If not given, they are ignored. */
  readonly report?: (problem: string) => void;
}

/**
 * Opens a state directory, which is made if it is missing, and takes over the agents that an earlier program has left there when it was killed. One program at
 * a time has a directory. Rejects STATE_UNUSABLE when another one has it, when other users could write it, when the path of its socket would be too long,
 * and with the system's error as the cause; KEEPER_UNAVAILABLE when its keeper cannot be taken over; PLATFORM on a system without Linux's /proc.
 */
export async function openState(directory: string, { tree, report }: StateOptions = {}): Promise<State> {
  const path = resolve(directory);
  const socket = join(path, STATE_SOCKET);
  if (Buffer.byteLength(socket) > MAX_SOCKET_PATH)
    throw unusable(path, `the path of a socket in it exceeds ${MAX_SOCKET_PATH} bytes`);
  const lock = await take(path, socket);
  try {
    const secret = await secretOf(path);
    const named = { ...(tree !== undefined && { tree }), ...(report !== undefined && { report }) };
    const { driver, store } = await openKeepingDriver({ clock: systemClock, ...named, keep: { socket, secret } });
    return { driver, store, close: () => lock.release() };
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

async function take(directory: string, socket: string): Promise<PathLock> {
  const lock = await makeDirectory(directory)
    .then(() => lockPath(socket))
    .catch((thrown: unknown) => {
      throw unusable(directory, messageOf(thrown), thrown);
    });
  if (typeof lock === 'string') throw unusable(directory, `it belongs to ${lock}`);
  return lock;
}

/** The secret of the keeper, made once and completely: this program may be killed while it is written. */
async function secretOf(directory: string): Promise<string> {
  const file = join(directory, SECRET);
  try {
    if (!existsSync(file)) {
      await writeFile(`${file}.new`, randomBytes(32).toString('hex'), { mode: 0o600 });
      await rename(`${file}.new`, file);
    }
    return await readSecret(file);
  } catch (thrown) {
    throw unusable(directory, messageOf(thrown), thrown);
  }
}

async function readSecret(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const stats = await handle.stat();
    if (!isOurs(stats) || (stats.mode & OTHERS) !== 0) throw new Error(`other users may use ${file}`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

function unusable(directory: string, problem: string, cause?: unknown): SupertreeError {
  return new SupertreeError('STATE_UNUSABLE', { directory, problem }, cause);
}

/** The name of the socket of the keeper in its directory. */
export const STATE_SOCKET = 'keeper.sock';
const SECRET = 'keeper.secret';

/** The longest path of a socket on Linux, without the null byte at its end (unix(7)). */
const MAX_SOCKET_PATH = 107;
