import { Context, type Router, type XPublisher } from 'zeromq';
import type { Keyring } from '../control/access/keyring.js';
import { ANYONE, LOCAL, type Peer } from '../control/access/roles.js';
import { isLoopback, parseEndpoint } from '../protocol/endpoint.js';
import { Handshakes } from './handshakes.js';
import { type CurveServerOptions, curveServer, type Domain, type OnRefusedConnection, openGate } from './zap.js';

/** Options that lock a socket; none for one that is open. */
export type SecurityOptions = (CurveServerOptions & { readonly context: Context }) | Record<string, never>;

/** Who may come in at the sockets of one server. */
export interface SocketSecurity {
  /** Who has this routing id at this endpoint of ours. */
  identify(routingId: Buffer, endpoint: string): Peer;
  /** The options of a socket for this endpoint. */
  options(domain: Domain, endpoint: string): SecurityOptions;
  /** Watches a socket for this endpoint, which is not bound yet, for connections that fail before they show a key. */
  watch(socket: Router | XPublisher, domain: Domain, endpoint: string): void;
  /** To be called after the sockets are closed. */
  close(): Promise<void>;
}

/** A server without keys: an endpoint that other machines can reach is open to anyone. */
export const NO_SECURITY: SocketSecurity = {
  identify: (_routingId, endpoint) => (isPrivate(endpoint) ? LOCAL : ANYONE),
  options: () => ({}),
  watch: () => {},
  close: async () => {},
};

/**
 * A server with keys: every tcp endpoint takes one. An ipc endpoint does not, it has the mode of its file. `onRefused` is told of
 * connections that were not let in.
 */
export async function openSecurity(
  keyring: Keyring,
  onRefused: OnRefusedConnection,
  failed: (thrown: unknown) => void,
): Promise<SocketSecurity> {
  // libzmq asks one handler for a whole context, so that of this process is left to others.
  const context = new Context();
  const gate = await openGate(context, keyring, onRefused, failed);
  const isLocked = (endpoint: string) => endpoint.startsWith('tcp://');
  return {
    identify: (routingId, endpoint) => (isLocked(endpoint) ? keyring.peerOf(routingId) : LOCAL),
    options: (domain, endpoint) => (isLocked(endpoint) ? { context, ...curveServer(keyring, domain) } : {}),
    watch: (socket, domain, endpoint) => {
      if (isLocked(endpoint)) new Handshakes(domain, onRefused).watch(socket);
    },
    close: () => gate.close(),
  };
}

/** Asked for every message, for a handful of endpoints. */
const known = new Map<string, boolean>();

function isPrivate(endpoint: string): boolean {
  let found = known.get(endpoint);
  if (found === undefined) {
    found = !endpoint.startsWith('tcp://') || isLoopback(parseEndpoint(endpoint));
    known.set(endpoint, found);
  }
  return found;
}
