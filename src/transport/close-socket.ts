import type { Router, XPublisher } from 'zeromq';

/** How long the system may take to release an endpoint, in ms; it takes less than one. */
const CLOSE_TIMEOUT = 1_000;

/**
 * Closes a socket that is bound to `endpoint`, or to nothing when that is empty, and resolves when nothing listens at the endpoint any more. Sockets
 * are never unbound: libzmq 4.3.5 aborts the process (`pipe.cpp:355`) when an endpoint is unbound while one of its peers disconnects:
 * 1. the unbind terminates the sessions of all peers, which terminate their pipes;
 * 2. the session of the disconnecting peer terminates its pipe as well, and libzmq does not expect the second termination.
 */
export async function closeSocket(socket: Router | XPublisher, endpoint: string): Promise<void> {
  if (socket.closed || endpoint === '') return socket.close();
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    socket.events.on('close', ({ address }) => address === endpoint && resolve());
    socket.events.on('end', () => resolve());
    timer = setTimeout(resolve, CLOSE_TIMEOUT);
    socket.close();
  });
  clearTimeout(timer);
}
