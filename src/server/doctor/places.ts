import { lstatSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateDirectory } from '../../actors/locks/private-directory.js';
import { asSupertreeError, messageOf, SupertreeError } from '../../errors.js';
import { broken, type Finding, fine, weaker } from '../../model/finding.js';
import { parseEndpoint } from '../../protocol/endpoint.js';
import { probeEndpoint } from '../../transport/probe-endpoint.js';
import { holderOfPath } from '../lock.js';
import { placeProblem } from '../permissions.js';
import { STATE_LOCK } from '../state.js';
import type { Examination } from './examination.js';
import { refused } from './refused.js';

/** The directory of the default endpoint and of the claims of ports. */
export function privatePlace(): Finding {
  try {
    const directory = privateDirectory();
    const { uid, mode } = lstatSync(directory);
    return fine('directory', `${directory} belongs to user ${uid}, with the mode ${(mode & 0o777).toString(8)}`);
  } catch (thrown) {
    return refused('directory', thrown);
  }
}

/** Whether a server answers. None is fine as well, but a process that listens there and gives no answer is not. */
export async function server({ endpoint, greet }: Examination): Promise<Finding> {
  try {
    await greet();
    return fine('server', `A server answers at ${endpoint}`);
  } catch (thrown) {
    const isSilent = asSupertreeError(thrown).code === 'NO_SERVER';
    return isSilent ? silence(endpoint) : refused('server', thrown);
  }
}

async function silence(text: string): Promise<Finding> {
  try {
    const endpoint = parseEndpoint(text);
    if ((await probeEndpoint(endpoint, PATIENCE)) === 'refused') return fine('server', `No server runs at ${text}`);
    const holder = endpoint.kind === 'ipc' ? await holderOfPath(endpoint.path) : null;
    const who = holder ?? 'A process';
    return broken(
      'server',
      `${who.charAt(0).toUpperCase()}${who.slice(1)} listens at ${text} and gives no answer`,
      'See whether it is stopped or overloaded; `kill -CONT` continues a stopped one.',
    );
  } catch (thrown) {
    return refused('server', thrown);
  }
}

/** Whether a server could keep its state there, or which one does. Nothing is made. */
export async function stateDirectory(directory: string): Promise<Finding> {
  const stats = lstatSync(directory, { throwIfNoEntry: false });
  if (stats === undefined) return fine('state', `${directory} does not exist yet; the first server makes it`);
  const problem = unwritable(directory) ?? placeProblem(join(directory, STATE_LOCK));
  if (problem !== null) return refused('state', new SupertreeError('STATE_UNUSABLE', { directory, problem }));
  const holder = await holderOfPath(join(directory, STATE_LOCK));
  const free = freeBytes(directory);
  const fact = `${directory} belongs to ${holder ?? 'no server at present'}; ${Math.floor(free / MIB)} MiB are free there`;
  return free >= LEAST_SPACE
    ? fine('state', fact)
    : weaker('state', fact, `Make room: a server needs some of it, at least ${LEAST_SPACE / MIB} MiB are advisable.`);
}

/** Found out by writing: permissions alone do not tell of read-only file systems. */
function unwritable(directory: string): string | null {
  const file = join(directory, `.doctor-${process.pid}`);
  try {
    writeFileSync(file, '', { flag: 'wx', mode: 0o600 });
    unlinkSync(file);
    return null;
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** How long a process that listens may take to accept a connection, in ms. */
const PATIENCE = 1_000;
const MIB = 1_048_576;
const LEAST_SPACE = 16 * MIB;
