import { Context, type Router, type XPublisher } from 'zeromq';
import type { Keyring } from '../control/access/keyring.js';
import { ANYONE, LOCAL, type Peer, UNPROVEN } from '../control/access/roles.js';
import { isLoopback, parseEndpoint } from '../protocol/endpoint.js';
import { Handshakes } from './handshakes.js';
import { type CurveServerOptions, curveServer, type Domain, type OnRefusedConnection, startZapHandler } from './zap.js';

/** The CURVE options of a socket; none for an open one. */
export type SecurityOptions = (CurveServerOptions & { readonly context: Context }) | Record<string, never>;

/** Which peers may connect to the sockets of one server. */
export interface SocketSecurity {
  /** The peer that everybody is at this endpoint of the server; `null` where a key is needed. */
  peerAt(endpoint: string): Peer | null;
  /** The peer whose key is proved by a routing id, at an endpoint that needs a key. */
  peerOf(routingId: Buffer): Peer;
  /** The options of a socket for this endpoint. */
  options(domain: Domain, endpoint: string): SecurityOptions;
  /** Watches a socket for this endpoint, before it is bound, for connections that fail before they show a key. */
  watch(socket: Router | XPublisher, domain: Domain, endpoint: string): void;
  /** Must be called after the sockets are closed. */
  close(): Promise<void>;
}

/** A server without keys: an endpoint that other machines can reach is open to anyone. */
export const NO_SECURITY: SocketSecurity = {
  peerAt: (endpoint) => (!endpoint.startsWith('tcp://') || isLoopback(parseEndpoint(endpoint)) ? LOCAL : ANYONE),
  peerOf: () => UNPROVEN,
  options: () => ({}),
  watch: () => {},
  close: async () => {},
};

/**
 * A server with keys: every tcp endpoint needs one. An ipc endpoint does not; the mode of its file protects it. `onRefused` is called for refused
 * connections.
 */
export async function openSecurity(
  keyring: Keyring,
  onRefused: OnRefusedConnection,
  failed: (thrown: unknown) => void,
): Promise<SocketSecurity> {
  // libzmq has one ZAP handler for each context, so the default context of this process stays free for other code.
  const context = new Context();
  const gate = await startZapHandler(context, keyring, onRefused, failed);
  const isLocked = (endpoint: string) => endpoint.startsWith('tcp://');
  return {
    peerAt: (endpoint) => (isLocked(endpoint) ? null : LOCAL),
    peerOf: (routingId) => keyring.peerOf(routingId),
    options: (domain, endpoint) => (isLocked(endpoint) ? { context, ...curveServer(keyring, domain) } : {}),
    watch: (socket, domain, endpoint) => {
      if (isLocked(endpoint)) new Handshakes(domain, onRefused).watch(socket);
    },
    close: () => gate.close(),
  };
}
