import { statSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SupertreeError } from '../errors.js';
import { userDirectory } from '../model/user-directory.js';

export type Endpoint =
  | { readonly kind: 'ipc'; readonly text: string; readonly path: string }
  /** `port` is 0 for any free one. */
  | { readonly kind: 'tcp'; readonly text: string; readonly host: string; readonly port: number };

/** Linux's sockaddr_un.sun_path without its terminating zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

/** Parses an endpoint; a relative ipc path becomes absolute. Throws ENDPOINT_INVALID. */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('ipc://')) return parseIpc(text);
  if (text.startsWith('tcp://')) return parseTcp(text);
  throw invalidEndpoint(text, 'it must begin with ipc:// or tcp://');
}

/** The ipc endpoint of this user: in XDG_RUNTIME_DIR if that is a directory of this user, else in a private directory below the temporary directory. */
export function userEndpoint(env: NodeJS.ProcessEnv = process.env): string {
  const places = { runtime: env.XDG_RUNTIME_DIR, temporary: tmpdir(), user: process.geteuid?.() };
  return `ipc://${join(
    userDirectory(places, (path) => statSync(path).uid),
    'supertree.sock',
  )}`;
}

/**
 * The default pub endpoint of a server with this endpoint: beside it, at `NAME-pub.sock` or at the next port; at any free port if the endpoint has port 0
 * or the highest port.
 */
export function pubEndpointBeside(endpoint: Endpoint): string {
  if (endpoint.kind === 'ipc') return `ipc://${endpoint.path.replace(/(\.sock)?$/, '-pub$1')}`;
  const port = endpoint.port === 0 || endpoint.port === 65_535 ? 0 : endpoint.port + 1;
  return endpoint.text.replace(/:[^:]*$/, `:${port}`);
}

/** The default server of a client: SUPERTREE_ENDPOINT, else the ipc socket of this user. */
export function defaultEndpoint(env: NodeJS.ProcessEnv = process.env): {
  readonly text: string;
  readonly isNamed: boolean;
} {
  const named = env.SUPERTREE_ENDPOINT;
  return named ? { text: named, isNamed: true } : { text: userEndpoint(env), isNamed: false };
}

/** True when only this machine can reach it. A host name other than localhost could be any interface. */
export function isLoopback(endpoint: Endpoint): boolean {
  if (endpoint.kind === 'ipc') return true;
  return endpoint.host === '::1' || endpoint.host === 'localhost' || /^127(\.\d{1,3}){3}$/.test(endpoint.host);
}

function parseIpc(text: string): Endpoint {
  const given = text.slice('ipc://'.length);
  if (given === '' || given.endsWith('/')) throw invalidEndpoint(text, 'a path to a socket must follow ipc://');
  if (given.startsWith('@') || given.includes('\0')) {
    throw invalidEndpoint(text, 'an abstract socket has no permissions, so it must be a path');
  }
  if (given === '*') throw invalidEndpoint(text, 'it must name one path');
  const path = resolve(given);
  const length = Buffer.byteLength(path);
  if (length > MAX_SOCKET_PATH) {
    throw invalidEndpoint(text, `the path has ${length} bytes, a socket path has at most ${MAX_SOCKET_PATH}`);
  }
  return { kind: 'ipc', text: `ipc://${path}`, path };
}

function parseTcp(text: string): Endpoint {
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:/\s;]+):(\d{1,5}|\*)$/.exec(text);
  const [, host, port] = match ?? [];
  if (host === undefined || port === undefined) throw invalidEndpoint(text, 'it must be tcp://HOST:PORT');
  const number = port === '*' ? 0 : Number(port);
  if (number > 65_535) throw invalidEndpoint(text, 'a port is at most 65535');
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (host !== bare && !isIPv6(bare)) throw invalidEndpoint(text, 'the host in brackets must be an IPv6 address');
  return { kind: 'tcp', text, host: bare, port: number };
}

function invalidEndpoint(endpoint: string, rule: string): SupertreeError {
  return new SupertreeError('ENDPOINT_INVALID', { endpoint, rule });
}
