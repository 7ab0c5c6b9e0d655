import type { Topics } from '../control/streams/topics.js';
import { BoundSockets } from './bound-sockets.js';
import { ConnectionLimit } from './connection-limit.js';
import { NO_SECURITY, type SocketSecurity } from './socket-security.js';
import { PublishSocket } from './xpub-socket.js';

export interface PublisherStats {
  readonly sent: number;
  /** Documents that were dropped because too many had to be sent at once. */
  readonly dropped: number;
  /** The number of different subscriptions at all endpoints. */
  readonly subscriptions: number;
}

/** The sockets that output, states and events are published on. */
export interface Publisher extends Topics {
  /** Resolves with the bound endpoint, with port 0 replaced by the real port. Rejects with the system's error. */
  bind(endpoint: string): Promise<string>;
  unbind(endpoint: string): Promise<void>;
  readonly stats: PublisherStats;
  close(): Promise<void>;
}

/**
 * One frame per message: the topic as text, a zero byte, the document. Documents without a subscriber are not made. A subscriber that does not read in
 * time loses documents, which the sequence numbers show; the publisher never waits. Each endpoint has a socket of its own, because some may need keys.
 * If `security` is not given, all endpoints are open; if `connections` is not given, connections are not limited.
 */
export function createPublisher(
  failed: (thrown: unknown) => void,
  security: SocketSecurity = NO_SECURITY,
  connections: ConnectionLimit = new ConnectionLimit(Number.POSITIVE_INFINITY),
): Publisher {
  return new XpubPublisher(failed, security, connections);
}

class XpubPublisher implements Publisher {
  readonly #failed: (thrown: unknown) => void;
  readonly #security: SocketSecurity;
  readonly #connections: ConnectionLimit;
  readonly #sockets = new BoundSockets<PublishSocket>();
  readonly #listeners = new Set<(subscription: string) => void>();

  constructor(failed: (thrown: unknown) => void, security: SocketSecurity, connections: ConnectionLimit) {
    this.#connections = connections;
    this.#failed = failed;
    this.#security = security;
  }

  get stats(): PublisherStats {
    const all = [...this.#sockets.all.values()];
    const sum = (count: (socket: PublishSocket) => number) => all.reduce((total, each) => total + count(each), 0);
    return {
      sent: sum(({ sent }) => sent),
      dropped: sum(({ dropped }) => dropped),
      subscriptions: sum(({ subscriptions }) => subscriptions.size),
    };
  }

  bind(endpoint: string): Promise<string> {
    const socket = new PublishSocket({
      endpoint,
      connections: this.#connections,
      security: this.#security.options('reports', endpoint),
      watch: (socket) => this.#security.watch(socket, 'reports', endpoint),
      failed: this.#failed,
      followed: (subscription) => {
        for (const listener of this.#listeners) listener(subscription);
      },
    });
    return this.#sockets.bind(socket);
  }

  unbind(endpoint: string): Promise<void> {
    return this.#sockets.unbind(endpoint);
  }

  hasSubscriber(topic: string): boolean {
    for (const { subscriptions } of this.#sockets.all.values()) if (subscriptions.covers(topic)) return true;
    return false;
  }

  publish(topic: string, make: () => Uint8Array): void {
    let frame: Buffer | undefined;
    try {
      for (const socket of this.#sockets.all.values()) {
        if (!socket.subscriptions.covers(topic)) continue;
        frame ??= Buffer.concat([Buffer.from(`${topic}\0`), make()]);
        socket.send(frame);
      }
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  onSubscribed(listener: (subscription: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#sockets.close();
  }
}
