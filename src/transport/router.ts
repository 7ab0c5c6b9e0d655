import { DEFAULT_LIMITS, type Limits } from '../control/limits.js';
import type { RequestContext } from '../control/request-context.js';
import { BoundSockets } from './bound-sockets.js';
import { ConnectionLimit } from './connection-limit.js';
import { FairQueue } from './fair-queue.js';
import type { OutboxStats } from './outbox.js';
import { RouterSocket } from './router-socket.js';
import { SendWindow } from './send-window.js';
import { NO_SECURITY, type SocketSecurity } from './socket-security.js';

export interface RequestRouterOptions {
  /**
   * Answers one payload. `interim` sends a progress message before the answer. Called for the next request before the previous one is answered. If it
   * rejects, no answer is sent and `failed` is called with the error.
   */
  handle(payload: Uint8Array, interim: (bytes: Buffer) => void, context: RequestContext): Promise<Buffer>;
  /** Called with errors that belong to no caller. */
  failed(thrown: unknown): void;
  /** The limits for one peer. If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  /** Which connections are accepted. If not given, all of them. */
  readonly security?: SocketSecurity;
  /** The limit of connections. If not given, none. */
  readonly connections?: ConnectionLimit;
}

export interface RouterStats extends OutboxStats {
  /** Requests, including refused ones. */
  readonly received: number;
  /** Connections that the fair queue remembers. */
  readonly peers: number;
  /** An upper bound of the bytes that libzmq holds for all peers. */
  readonly held: number;
}

/** The sockets that receive requests. */
export interface RequestRouter {
  /** Resolves with the bound endpoint, with port 0 replaced by the real port. Rejects with the system's error (`code` EADDRINUSE, ...). */
  bind(endpoint: string): Promise<string>;
  /** Closes a bound endpoint after the answers that can be sent at once. Resolves when nothing listens there any more. */
  unbind(endpoint: string): Promise<void>;
  readonly stats: RouterStats;
  /** Sends the answers that can be sent at once, then closes. */
  close(): Promise<void>;
}

/**
 * One ROUTER socket for each endpoint, so that the endpoint of a request is known. Serves REQ and DEALER peers, with or without an empty delimiter: the
 * envelope is returned unchanged. No heartbeats, because a known client takes them for errors; the kernel detects a peer whose machine is gone. A peer
 * that does not read, or that sends many requests, delays no other peer.
 */
export function createRequestRouter(options: RequestRouterOptions): RequestRouter {
  const sockets = new BoundSockets<RouterSocket>();
  const queue = new FairQueue({ ...DEFAULT_LIMITS, ...options.limits });
  const window = new SendWindow();
  const {
    handle,
    failed,
    security = NO_SECURITY,
    connections = new ConnectionLimit(Number.POSITIVE_INFINITY),
  } = options;
  const shared = { handle, failed, security, connections, queue, window };
  const sum = (count: (socket: RouterSocket) => number) =>
    [...sockets.all.values()].reduce((total, each) => total + count(each), 0);
  return {
    bind: (endpoint) => sockets.bind(new RouterSocket(shared, endpoint)),
    unbind: (endpoint) => sockets.unbind(endpoint),
    get stats() {
      return {
        sent: sum(({ outbox }) => outbox.stats.sent),
        dropped: sum(({ outbox }) => outbox.stats.dropped),
        received: sum(({ received }) => received),
        peers: queue.connections,
        held: window.bytes,
      };
    },
    close: async () => {
      queue.close();
      await sockets.close();
    },
  };
}
