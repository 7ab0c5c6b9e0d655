import { readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { KEEPER_VERSION } from './protocol/messages.js';
import { keepersListening } from './without-server.js';

/**
 * The path at which a keeper of this version listens in a state directory. Each version has its own: a keeper removes its socket when it ends, and that must not
 * be the one of its successor.
 */
export function stateSocket(directory: string): string {
  return join(directory, `keeper-${KEEPER_VERSION}.sock`);
}

/** The paths in the directory at which keepers of any version may listen, also those whose socket was deleted. That of this version is the last. */
export function stateSockets(directory: string): string[] {
  const own = stateSocket(directory);
  const place = realPath(directory);
  const files = readdirSync(directory).filter((name) => IS_SOCKET.test(name));
  const bound = keepersListening()
    .filter(({ socket }) => realPath(dirname(socket)) === place)
    .map(({ socket }) => basename(socket));
  const paths = new Set([...files, ...bound].map((name) => join(directory, name)));
  paths.delete(own);
  return [...[...paths].sort(), own];
}

/** The path without symbolic links: a directory may have several. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path; // it was deleted
  }
}

/** Keepers up to version 4 had no number. */
const IS_SOCKET = /^keeper(-\d+)?\.sock$/;
