import { accessSync, constants, lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, SupertreeError } from '../errors.js';
import { pathProblem } from '../model/path-owner.js';
import { parseEndpoint } from '../protocol/endpoint.js';

/**
 * The user id that the server must run as. `null` for root with a given endpoint: it may connect to the server of any user, and the owner of the
 * socket's directory decides.
 */
export type ServerOwner = number | null;

/** The owner to expect: the given one, else this user; `null` for root that named an endpoint. */
export function ownerMeant(given: number | undefined, isNamed: boolean): ServerOwner {
  const user = process.geteuid?.() ?? 0;
  return given ?? (isNamed && user === 0 ? null : user);
}

/**
 * Makes sure that only `owner` or root can have bound an ipc endpoint. Returns an identifier of the socket file, which changes when another file takes its
 * place; `null` when there is no socket, for tcp, and on a system without users. Throws ENDPOINT_FOREIGN; ENDPOINT_UNUSABLE when this user
 * may not open it.
 */
export function checkSocketOwner(endpoint: string, owner: ServerOwner): string | null {
  const parsed = parseEndpoint(endpoint);
  if (parsed.kind !== 'ipc' || process.geteuid === undefined) return null;
  const { path } = parsed;
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return null;
    refuseClosed(path, stats);
    const owners = new Set([0, owner ?? lstatSync(dirname(path)).uid]);
    const problem = pathProblem(path, owners, { lstat: lstatSync, readlink: readlinkSync });
    if (problem !== null) throw new SupertreeError('ENDPOINT_FOREIGN', { endpoint, problem });
    return `${stats.dev}:${stats.ino}`;
  } catch (thrown) {
    if (thrown instanceof SupertreeError) throw thrown;
    if ((thrown as NodeJS.ErrnoException).code === 'ENOTDIR') return null;
    throw new SupertreeError('ENDPOINT_UNUSABLE', { endpoint, problem: messageOf(thrown) }, thrown);
  }
}

/** Throws when this user may not open the socket: libzmq would retry for ever without a reason. */
function refuseClosed(path: string, { uid, mode }: Stats): void {
  try {
    accessSync(path, constants.W_OK);
  } catch (thrown) {
    const bits = (mode & 0o777).toString(8).padStart(4, '0');
    throw new Error(`permission denied: it belongs to user ${uid} and has the mode ${bits}`, { cause: thrown });
  }
}
