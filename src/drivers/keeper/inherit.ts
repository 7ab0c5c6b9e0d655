import { SupertreeError } from '../../errors.js';
import { connectToKeeper, isListening } from './connection.js';
import { restoreSocket } from './deleted-socket.js';
import type { KeeperAddress } from './launch.js';
import { InheritedKeeper } from './running-keeper.js';
import { KeeperSession, type SessionListener } from './session.js';
import { stateSockets } from './state-sockets.js';

/** The state directory of a tree, and the secret of its keepers. */
export interface StatePlace {
  readonly directory: string;
  readonly secret: string;
}

/**
 * Connects to the keepers that earlier programs have left in the directory, of this version or others, and takes their agents over: that of this version is the
 * last one. Rejects KEEPER_UNAVAILABLE, with the `socket` of the keeper that cannot be taken over; then all of them keep their agents.
 */
export async function inheritSessions(
  { directory, secret }: StatePlace,
  listener: SessionListener,
): Promise<KeeperSession[]> {
  const sessions: KeeperSession[] = [];
  for (const socket of stateSockets(directory)) {
    try {
      const session = await inheritSession({ socket, secret }, listener);
      if (session !== null) sessions.push(session);
    } catch (thrown) {
      for (const session of sessions) session.abandon();
      throw thrown instanceof SupertreeError ? new SupertreeError(thrown.code, { ...thrown.details, socket }) : thrown;
    }
  }
  // One that was killed meanwhile leaves what one leaves that was killed before.
  return sessions.filter(({ isClosed }) => !isClosed);
}

/** `null` where no keeper listens. One whose socket was deleted listens anew before. */
async function inheritSession(address: KeeperAddress, listener: SessionListener): Promise<KeeperSession | null> {
  if (!(await isListening(address.socket))) {
    const pid = await restoreSocket(address.socket);
    if (pid === null) return null;
    listener.problem(`the socket of the keeper, process ${pid}, had been deleted; it listens anew`);
  }
  try {
    const connection = await connectToKeeper(address);
    const session = new KeeperSession(new InheritedKeeper(connection.welcome.pid), connection, listener);
    await session.takeOver();
    return session;
  } catch (thrown) {
    if (await isListening(address.socket)) throw thrown;
    return null;
  }
}
