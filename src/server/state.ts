import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { systemClock } from '../contract/clock.js';
import type { Store } from '../contract/store.js';
import type { Driver } from '../drivers/driver.js';
import { isListening } from '../drivers/keeper/connection.js';
import { openKeepingDriver } from '../drivers/keeper/keeper.js';
import { stateSocket, stateSockets } from '../drivers/keeper/state-sockets.js';
import { socketHolder } from '../drivers/proc/socket-holder.js';
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
 * with the system's error as the cause, and when its keeper cannot be taken over, whose agents run on then; PLATFORM on a system without Linux's /proc.
 */
export async function openState(directory: string, { tree, report }: StateOptions = {}): Promise<State> {
  const path = resolve(directory);
  if (Buffer.byteLength(stateSocket(path)) > MAX_SOCKET_PATH)
    throw unusable(path, `the path of a socket in it exceeds ${MAX_SOCKET_PATH} bytes`);
  const lock = await take(path);
  try {
    const secret = await secretOf(path);
    const named = { ...(tree !== undefined && { tree }), ...(report !== undefined && { report }) };
    const opened = openKeepingDriver({ clock: systemClock, ...named, keep: { directory: path, secret } });
    const { driver, store } = await opened.catch((thrown: unknown) => {
      if (!isUnavailable(thrown)) throw thrown;
      throw notTakenOver(path, String(thrown.details.problem), thrown.details.socket, thrown);
    });
    return { driver, store, close: () => lock.release() };
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

async function take(directory: string): Promise<PathLock> {
  const lock = await makeDirectory(directory)
    .then(() => lockPath(join(directory, STATE_LOCK)))
    .catch((thrown: unknown) => {
      throw unusable(directory, messageOf(thrown), thrown);
    });
  if (typeof lock === 'string') throw unusable(directory, `it belongs to ${lock}`);
  return lock;
}

/** The secret of the keeper, made once and completely: this program may be killed while it is written. */
async function secretOf(directory: string): Promise<string> {
  const file = join(directory, SECRET);
  const isMissing = !existsSync(file);
  const inUse = isMissing ? await socketInUse(directory) : null;
  if (inUse !== null) throw notTakenOver(directory, `its secret, ${file}, is missing`, inUse);
  try {
    if (isMissing) {
      await writeFile(`${file}.new`, randomBytes(32).toString('hex'), { mode: 0o600 });
      await rename(`${file}.new`, file);
    }
    const secret = await readSecret(file);
    if (IS_SECRET.test(secret)) return secret;
  } catch (thrown) {
    throw unusable(directory, messageOf(thrown), thrown);
  }
  const problem = `${file} is damaged: it should have 64 hexadecimal digits`;
  const socket = await socketInUse(directory);
  if (socket !== null) throw notTakenOver(directory, problem, socket);
  throw unusable(directory, `${problem}; no keeper runs there, so it can be deleted`);
}

/** The first path in the directory at which a keeper listens, `null` without one. */
async function socketInUse(directory: string): Promise<string | null> {
  for (const socket of stateSockets(directory)) if (await isListening(socket).catch(() => false)) return socket;
  return null;
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

function isUnavailable(thrown: unknown): thrown is SupertreeError {
  return thrown instanceof SupertreeError && thrown.code === 'KEEPER_UNAVAILABLE';
}

/** The agents of the keeper that listens at the socket, if it does, are untouched. */
function notTakenOver(directory: string, problem: string, socket: unknown, cause?: unknown): SupertreeError {
  const pid = typeof socket === 'string' ? socketHolder(socket) : null;
  const which = pid === null ? '' : `, process ${pid},`;
  const end = pid === null ? '' : `; \`kill ${pid}\` ends it and them`;
  return unusable(directory, `its keeper${which} cannot be taken over: ${problem}. Its agents run on${end}`, cause);
}

function unusable(directory: string, problem: string, cause?: unknown): SupertreeError {
  return new SupertreeError('STATE_UNUSABLE', { directory, problem }, cause);
}

/** The lock of a state directory is that of this name, for servers of all releases: up to version 4 it was that of the socket of its keeper. */
export const STATE_LOCK = 'keeper.sock';
const SECRET = 'keeper.secret';
const IS_SECRET = /^[0-9a-f]{64}$/;

/** The longest path of a socket on Linux, without the null byte at its end (unix(7)). */
const MAX_SOCKET_PATH = 107;
