import { isMainThread } from 'node:worker_threads';
import type { Router, XPublisher } from 'zeromq';

/**
 * Binds a socket and resolves with the endpoint as it is, a wildcard port replaced. The file of an ipc endpoint is open to this user alone
 * from its first moment. Rejects with what the system said.
 */
export async function bindTo(socket: Router | XPublisher, endpoint: string): Promise<string> {
  // libzmq knows no IPv6 unless it is told to.
  if (endpoint.startsWith('tcp://[')) socket.ipv6 = true;
  if (endpoint.startsWith('ipc://')) bindPrivately(socket, endpoint);
  else await socket.bind(endpoint);
  return socket.lastEndpoint ?? endpoint;
}

/**
 * The kernel makes a socket file with the umask, and whoever connects before a chmod stays connected. The umask is that of the whole
 * process, so nothing else may run while it is another one: hence the bind that does not wait. A worker thread cannot set it: there the mode
 * is that of the program's umask until it is changed.
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
