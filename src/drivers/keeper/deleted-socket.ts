import { basename, dirname, join } from 'node:path';
import { SupertreeError } from '../../errors.js';
import { send } from '../local/signals.js';
import { isListening } from './connection.js';
import { InheritedKeeper } from './running-keeper.js';
import { realPath } from './state-sockets.js';
import { keepersListening } from './without-server.js';

/**
 * A cleaner of temporary files may delete the socket of a keeper that runs. Has such a keeper listen anew, at SIGUSR2, and resolves with its pid; with `null` when
 * there is none. Rejects KEEPER_UNAVAILABLE when it has not after a minute.
 */
export async function restoreSocket(socket: string): Promise<number | null> {
  const place = placeOf(socket);
  const pid = keepersListening().find((keeper) => placeOf(keeper.socket) === place)?.pid;
  if (pid === undefined) return null;
  const keeper = new InheritedKeeper(pid);
  send(pid, 'SIGUSR2');
  for (const until = performance.now() + PATIENCE; performance.now() < until; ) {
    if (await isListening(socket)) return pid;
    if ((await keeper.endedWithin(PERIOD)) !== null) return null;
  }
  throw new SupertreeError('KEEPER_UNAVAILABLE', {
    problem: `its socket was deleted, and process ${pid} made no other`,
  });
}

function placeOf(socket: string): string {
  return join(realPath(dirname(socket)), basename(socket));
}

/** How long the keeper may take, and the time between two looks, in ms. */
const PATIENCE = 60_000;
const PERIOD = 20;
