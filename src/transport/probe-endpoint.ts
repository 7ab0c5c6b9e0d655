import { connect, type NetConnectOpts } from 'node:net';
import type { Endpoint } from '../protocol/endpoint.js';

/**
 * Whether a process listens at an endpoint, found out by a connection that is closed at once. `refused` also for a path that does not exist; `silent`
 * when the attempt did not end within `timeout` ms, or failed for another reason.
 */
export function probeEndpoint(endpoint: Endpoint, timeout: number): Promise<'open' | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect(address(endpoint));
    const settle = (result: 'open' | 'refused' | 'silent') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => settle('silent'), timeout);
    socket.once('connect', () => settle('open'));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(NOBODY.has(error.code ?? '') ? 'refused' : 'silent'));
  });
}

/** The error codes for an endpoint without a listener: no such path, no socket, or a refusal. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK', 'ENOTDIR']);

function address(endpoint: Endpoint): NetConnectOpts {
  return endpoint.kind === 'ipc' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
}
