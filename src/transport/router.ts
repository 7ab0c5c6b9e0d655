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
   * Answers one payload. `interim` sends a progress message before the answer. Called for the next request without waiting for the
   * one before. If it rejects, nothing is answered and `failed` receives the error.
   */
  handle(payload: Uint8Array, interim: (bytes: Buffer) => void, context: RequestContext): Promise<Buffer>;
  /** Receives errors that have no caller. */
  failed(thrown: unknown): void;
  /** What one peer may ask for. If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  /** Which connections are accepted. If not given, all of them. */
  readonly security?: SocketSecurity;
  /** The share of file descriptors that connections may have. If not given, all of them. */
  readonly connections?: ConnectionLimit;
}

export interface RouterStats extends OutboxStats {
  /** Requests, those that were refused included. */
  readonly received: number;
  /** Connections that are remembered for fairness. */
  readonly peers: number;
  /** Bytes that libzmq holds for all peers, at most. */
  readonly held: number;
}

/** The sockets that requests come to. */
export interface RequestRouter {
  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said (`code` EADDRINUSE, ...). */
  bind(endpoint: string): Promise<string>;
  /** Closes an endpoint that `bind` resolved with, after what can be sent at once. Resolves when nothing listens there any more. */
  unbind(endpoint: string): Promise<void>;
  readonly stats: RouterStats;
  /** Sends what can be sent at once, then closes. */
  close(): Promise<void>;
}

/**
 * One ROUTER socket for each endpoint, so that it is known where a request came in. Serves REQ peers and DEALER peers, with or without
 * an empty delimiter: the envelope comes back as it was. No heartbeats, because a known client takes them for errors; a peer whose
 * machine is gone is found out by the kernel. A peer that does not read delays nobody, and neither does one that asks for much.
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
    [...sockets.all].reduce((total, each) => total + count(each), 0);
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
