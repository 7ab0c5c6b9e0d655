import type { Router, XPublisher } from 'zeromq';

/** How long the system may take to take back an endpoint, in ms; it takes less than one. */
const PATIENCE = 1_000;

/**
 * Closes a socket that is bound to `endpoint`, or to nothing when that is empty, and resolves when nothing listens at its endpoint any more. Sockets are always closed this way: libzmq 4.3.5 aborts the
 * process (`pipe.cpp:355`) when an endpoint is unbound while a peer of it goes away at the same moment:
 * 1. the unbind ends the sessions of all peers, which ends their pipes;
 * 2. a peer that goes away has its pipe ended by its own session, and the second end of the same pipe is not expected.
 */
export async function closeSocket(socket: Router | XPublisher, endpoint: string): Promise<void> {
  if (socket.closed || endpoint === '') return socket.close();
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    socket.events.on('close', ({ address }) => address === endpoint && resolve());
    socket.events.on('end', () => resolve());
    timer = setTimeout(resolve, PATIENCE);
    socket.close();
  });
  clearTimeout(timer);
}
