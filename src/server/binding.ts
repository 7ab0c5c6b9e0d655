import { lstat, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { holdersOf, UNKNOWN_HOLDER } from '../drivers/proc/holder.js';
import { messageOf, SupertreeError } from '../errors.js';
import { type Endpoint, isLoopback, parseEndpoint, pubEndpointBeside, userEndpoint } from '../protocol/endpoint.js';
import { probeEndpoint } from '../transport/probe-endpoint.js';
import type { Bindable, Binding } from '../transport/transport.js';
import { makeDirectory } from './directory.js';
import { lockPath, type PathLock } from './lock.js';
import { makePrivate, placeProblem } from './permissions.js';

/** The endpoints of a server without given ones: a socket that only this user may open. */
export function defaultEndpoints(): readonly string[] {
  return [userEndpoint()];
}

/** The default pub endpoints: one beside each endpoint. A port that is also an endpoint is replaced by any free one. */
export function pubEndpointsBeside(endpoints: readonly Endpoint[]): readonly string[] {
  const taken = new Set(endpoints.map(({ text }) => text));
  const besides = endpoints.map(pubEndpointBeside);
  return besides.map((each) => (taken.has(each) ? each.replace(/\d+$/, '0') : each));
}

/**
 * Parses endpoints and rejects those that must not be bound, before any is bound. Throws ENDPOINT_INVALID; ENDPOINT_EXPOSED for one that other
 * machines could reach, unless `exposed` (if not given, false); ENDPOINT_IN_USE for one that is given twice.
 */
export function checkEndpoints(endpoints: readonly string[], exposed = false): readonly Endpoint[] {
  const parsed = endpoints.map(parseEndpoint);
  for (const each of parsed) {
    if (!exposed && !isLoopback(each)) throw openTo(each, 'anybody who reaches this machine');
  }
  refuseTwice(parsed);
  return parsed;
}

/** Throws ENDPOINT_EXPOSED for the first tcp endpoint, when the user is root: without keys every user of the machine could run programs as root there. */
export function refuseOpenToUsers(endpoints: readonly Endpoint[], user = process.geteuid?.()): void {
  const open = endpoints.find(({ kind }) => kind === 'tcp');
  if (user === 0 && open !== undefined) throw openTo(open, 'every user of this machine, as root');
}

function openTo({ text: endpoint }: Endpoint, who: string): SupertreeError {
  return new SupertreeError('ENDPOINT_EXPOSED', { endpoint, who });
}

/** Throws ENDPOINT_IN_USE for the first endpoint that is given twice; port 0 may be given any number of times. */
export function refuseTwice(endpoints: readonly Endpoint[]): void {
  const named = endpoints.filter((each) => each.kind === 'ipc' || each.port !== 0).map(({ text }) => text);
  const twice = named.find((text, index) => named.indexOf(text) < index);
  if (twice !== undefined) throw inUse(twice, 'this server, which is given it twice');
}

/** Binds one endpoint. Rejects ENDPOINT_IN_USE with the holder, ENDPOINT_UNUSABLE with the system's reason. */
export async function bindOne(sockets: Bindable, text: string): Promise<Binding> {
  const endpoint = parseEndpoint(text);
  try {
    return await (endpoint.kind === 'ipc' ? bindIpc(sockets, text, endpoint.path) : bindTcp(sockets, endpoint));
  } catch (thrown) {
    if (thrown instanceof SupertreeError) throw thrown;
    throw unusable(text, messageOf(thrown), thrown);
  }
}

/**
 * Binds an ipc socket. libzmq would silently unlink any file at the path, so first:
 * 1. take the lock, which also keeps out a server that starts at this moment;
 * 2. connect to the socket: one that refuses was left behind by a dead server, and only that one is removed.
 */
async function bindIpc(socket: Bindable, text: string, path: string): Promise<Binding> {
  await prepareDirectory(text, dirname(path));
  const lock = await lockPath(path);
  if (typeof lock === 'string') throw inUse(text, lock);
  try {
    await clearPath(text, path);
    await socket.bind(text);
    // A default access control list of the directory would take precedence over the umask.
    makePrivate(path, 0o600);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
  return { endpoint: text, release: once(() => releaseIpc(socket, text, path, lock)) };
}

async function releaseIpc(socket: Bindable, text: string, path: string, lock: PathLock): Promise<void> {
  await socket.unbind(text);
  // libzmq leaves the file behind; it must be gone before another server may take the path.
  await rm(path, { force: true });
  lock.release();
}

/** Makes the directory of the default socket, private; any other one must exist. Rejects a directory in which another user could replace the socket. */
async function prepareDirectory(endpoint: string, directory: string): Promise<void> {
  const isDefault = directory === dirname(userEndpoint().slice('ipc://'.length));
  if (isDefault) await makeDirectory(directory);
  const problem = placeProblem(directory);
  if (problem !== null) throw unusable(endpoint, problem);
  const stats = await lstat(directory).catch(nothingThere);
  if (stats === null) throw unusable(endpoint, `there is no directory ${directory}`);
  if (isDefault && stats.isDirectory()) makePrivate(directory, 0o700);
}

function nothingThere(thrown: NodeJS.ErrnoException): null {
  if (thrown.code === 'ENOENT') return null;
  throw thrown;
}

async function clearPath(endpoint: string, path: string): Promise<void> {
  const stats = await lstat(path).catch(nothingThere);
  if (stats === null) return;
  if (!stats.isSocket()) throw inUse(endpoint, 'a file that is not a socket');
  const found = await probeEndpoint({ kind: 'ipc', text: endpoint, path }, 1_000);
  if (found !== 'refused') throw inUse(endpoint, 'a process that listens there');
  await rm(path, { force: true });
}

async function bindTcp(socket: Bindable, endpoint: Endpoint & { kind: 'tcp' }): Promise<Binding> {
  const host =
    endpoint.host === 'localhost' ? '127.0.0.1' : endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  try {
    const bound = await socket.bind(`tcp://${host}:${endpoint.port === 0 ? '*' : endpoint.port}`);
    return { endpoint: bound, release: once(() => socket.unbind(bound)) };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') throw inUse(endpoint.text, await holderOf(endpoint.port), thrown);
    throw thrown;
  }
}

async function holderOf(port: number): Promise<string> {
  return (await holdersOf([port])).get(port) ?? UNKNOWN_HOLDER;
}

function unusable(endpoint: string, problem: string, cause?: unknown): SupertreeError {
  return new SupertreeError('ENDPOINT_UNUSABLE', { endpoint, problem }, cause);
}

function inUse(endpoint: string, holder: string, cause?: unknown): SupertreeError {
  return new SupertreeError('ENDPOINT_IN_USE', { endpoint, holder }, cause);
}

function once(release: () => Promise<void>): () => Promise<void> {
  let released: Promise<void> | undefined;
  return () => {
    released ??= release();
    return released;
  };
}
