import { isMainThread } from 'node:worker_threads';
import type { Router, XPublisher } from 'zeromq';

/**
 * Binds a socket and resolves with the bound endpoint, with port 0 replaced by the real port. The socket file of an ipc endpoint is never accessible
 * to other users. Rejects with the system's error.
 */
export async function bindTo(socket: Router | XPublisher, endpoint: string): Promise<string> {
  // libzmq does not use IPv6 by default.
  if (endpoint.startsWith('tcp://[')) socket.ipv6 = true;
  if (endpoint.startsWith('ipc://')) bindPrivately(socket, endpoint);
  else await socket.bind(endpoint);
  return socket.lastEndpoint ?? endpoint;
}

/**
 * The kernel makes a socket file with the umask, and a peer that connects before a chmod stays connected. The umask belongs to the whole process, so
 * no other code may run while it is changed: hence the synchronous bind. A worker thread cannot set it: there the file has the mode of the program's
 * umask until the chmod.
 */
function bindPrivately(socket: Router | XPublisher, endpoint: string): void {
  if (!isMainThread) return socket.bindSync(endpoint);
  const umask = process.umask(0o177);
  try {
    socket.bindSync(endpoint);
  } finally {
    process.umask(umask);
  }
}
