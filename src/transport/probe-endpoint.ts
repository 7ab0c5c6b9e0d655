import { connect, type NetConnectOpts } from 'node:net';
import type { Endpoint } from '../protocol/endpoint.js';

/**
 * Whether anybody listens at an endpoint, found out by connecting to it and hanging up. `refused` also for a path that
 * is not there; `silent` when the attempt came to no end within `timeout` ms, or failed for another reason.
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

/** What the system says when nobody listens: nothing there, a path that is no socket, or a refusal. */
const NOBODY = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK', 'ENOTDIR']);

function address(endpoint: Endpoint): NetConnectOpts {
  return endpoint.kind === 'ipc' ? { path: endpoint.path } : { host: endpoint.host, port: endpoint.port };
}
