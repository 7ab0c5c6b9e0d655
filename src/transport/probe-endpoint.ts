import { connect, type NetConnectOpts } from 'node:net';
import type { Endpoint } from '../protocol/endpoint.js';

/**
 * Whether a process listens at an endpoint, found out by a connection that is closed at once. `refused` also for a path that does not exist; `silent` for a
 * listener that does not accept within `timeout` ms, or has too many connections to accept. Rejects with the system's error when this process could not
 * connect for another reason, such as a lack of descriptors or of permission: that tells nothing about a listener.
 */
export function probeEndpoint(endpoint: Endpoint, timeout: number): Promise<'open' | 'refused' | 'silent'> {
  return new Promise((resolve, reject) => {
    const socket = connect(address(endpoint));
    const settle = (act: () => void) => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const timer = setTimeout(() => settle(() => resolve('silent')), timeout);
    socket.once('connect', () => settle(() => resolve('open')));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const result = RESULTS.get(error.code ?? '');
      settle(() => (result === undefined ? reject(error) : resolve(result)));
    });
  });
}

/** The error codes that tell something about a listener (connect(2), unix(7)). */
const RESULTS: ReadonlyMap<string, 'refused' | 'silent'> = new Map([
  ['ECONNREFUSED', 'refused'],
  ['ENOENT', 'refused'],
  ['ENOTDIR', 'refused'],
  ['ENOTSOCK', 'refused'],
  // Its backlog is full.
  ['EAGAIN', 'silent'],
  ['ETIMEDOUT', 'silent'],
  ['ECONNRESET', 'silent'],
  // A socket of another type, such as a datagram socket.
  ['EPROTOTYPE', 'silent'],
]);

function address(endpoint: Endpoint): NetConnectOpts {
  return endpoint.kind === 'ipc' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
}
