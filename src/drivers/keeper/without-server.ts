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

/** The keepers of this user that wait for another server after theirs was killed. One that keeps nothing ends with its server, and is left out. */
export function keepersWithoutServer(): KeeperWithoutServer[] {
  return (listPids() ?? []).flatMap((pid) => {
    const title = titleOf(pid);
    if (title === null) return [];
    const sockets = unixSocketsOf(pid);
    const listening = sockets.find(({ isListening }) => isListening);
    const isConnected = sockets.some(({ path, isListening }) => !isListening && path === listening?.path);
    const isWaiting = listening !== undefined && !isConnected && !listening.path.includes(`/${KEEPER_DIRECTORY}`);
    return !isWaiting ? [] : [{ pid, tree: title, socket: listening.path }];
  });
}

/** The name of the tree of a keeper, `null` for another process. */
function titleOf(pid: number): string | null {
  const stat = readStat(pid);
  const words = stat === undefined ? '' : commandLine(stat);
  return words.startsWith(KEEPER_TITLE) ? words.slice(KEEPER_TITLE.length).replace(/^: */, '').trim() : null;
}
