import { commandLine, listPids, readStat } from '../proc/proc.js';
import { unixSocketsOf } from '../proc/sockets.js';
import { KEEPER_TITLE } from './membership.js';
import { KEEPER_DIRECTORY } from './protocol/messages.js';

/** A keeper that no program is connected to. */
export interface KeeperWithoutServer {
  readonly pid: number;
  /** The name of its tree. */
  readonly tree: string;
  /** The path at which it listens. */
  readonly socket: string;
}

/** A keeper, the path at which it listens, and whether a program is connected. */
interface ListeningKeeper extends KeeperWithoutServer {
  readonly isConnected: boolean;
}

/** The keepers of this user that listen, also those whose socket was deleted. */
export function keepersListening(): ListeningKeeper[] {
  return (listPids() ?? []).flatMap((pid) => {
    const tree = titleOf(pid);
    if (tree === null) return [];
    const sockets = unixSocketsOf(pid);
    const listening = sockets.find(({ isListening }) => isListening);
    if (listening === undefined) return [];
    const isConnected = sockets.some(({ path, isListening }) => !isListening && path === listening.path);
    return [{ pid, tree, socket: listening.path, isConnected }];
  });
}

/** The keepers of this user that wait for another server after theirs was killed. One that keeps nothing ends with its server, and is left out. */
export function keepersWithoutServer(): KeeperWithoutServer[] {
  return keepersListening().filter(
    ({ socket, isConnected }) => !isConnected && !socket.includes(`/${KEEPER_DIRECTORY}`),
  );
}

/** The name of the tree of a keeper, `null` for another process. */
function titleOf(pid: number): string | null {
  const stat = readStat(pid);
  const words = stat === undefined ? '' : commandLine(stat);
  return words.startsWith(KEEPER_TITLE) ? words.slice(KEEPER_TITLE.length).replace(/^: */, '').trim() : null;
}
