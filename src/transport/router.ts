import { Router } from 'zeromq';
import { Outbox, type OutboxStats } from './outbox.js';
import { MAX_MESSAGE_SIZE } from './protocol.js';

export interface RequestRouterOptions {
  /**
   * Answers one payload. `interim` sends a word before the answer. Called for the next request without waiting for the
   * one before. If it rejects, nothing is answered and `failed` is told.
   */
  handle(payload: Uint8Array, interim: (bytes: Buffer) => void): Promise<Buffer>;
  /** Told what should not happen. */
  failed(thrown: unknown): void;
}

/** The socket that requests come to. */
export interface RequestRouter {
  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said (`code` EADDRINUSE, ...). */
  bind(endpoint: string): Promise<string>;
  /** Takes no new peers at an endpoint that `bind` resolved with. */
  unbind(endpoint: string): Promise<void>;
  readonly stats: OutboxStats & { readonly received: number };
  /** Sends what can be sent at once, then closes. */
  close(): Promise<void>;
}

/** A larger message ends its connection before it fills the memory; up to here it gets an answer. */
const HARD_LIMIT = 8 * MAX_MESSAGE_SIZE;

/**
 * One ROUTER socket for any number of endpoints. Serves REQ peers and DEALER peers, with or without an empty delimiter: the
 * envelope comes back as it was. No heartbeats, because a known client takes them for errors. A peer that does not read delays nobody.
 */
export function createRequestRouter(options: RequestRouterOptions): RequestRouter {
  const socket = new Router({
    // With `mandatory` and no timeout a reply that cannot be queued is an error at once, instead of lost unseen.
    mandatory: true,
    sendTimeout: 0,
    sendHighWaterMark: 1000,
    linger: 500,
    maxMessageSize: HARD_LIMIT,
  });
  const outbox = new Outbox(socket);
  let received = 0;
  const answer = async (frames: Buffer[]): Promise<void> => {
    received++;
    const { envelope, payload } = open(frames);
    const reply = (bytes: Buffer) => outbox.send([...envelope, bytes]);
    reply(await options.handle(payload, reply));
  };
  const receiving = receive(socket, (frames) => answer(frames).catch(options.failed));
  receiving.catch(options.failed);
  return {
    bind: async (endpoint) => {
      await socket.bind(endpoint);
      return socket.lastEndpoint ?? endpoint;
    },
    unbind: (endpoint) => socket.unbind(endpoint),
    get stats() {
      return { ...outbox.stats, received };
    },
    close: async () => {
      await outbox.close();
      socket.close();
      await receiving.catch(() => undefined);
    },
  };
}

async function receive(socket: Router, take: (frames: Buffer[]) => void): Promise<void> {
  for await (const frames of socket) take(frames);
}

/**
 * Parts the envelope from the payload. The envelope is the peer's identity and, where there is one, all up to the empty
 * delimiter; the payload is the one frame behind it, further frames are ignored.
 */
function open(frames: Buffer[]): { envelope: Buffer[]; payload: Buffer } {
  const delimiter = frames.findIndex((frame, index) => index > 0 && index < frames.length - 1 && frame.length === 0);
  const end = delimiter < 0 ? 1 : delimiter + 1;
  return { envelope: frames.slice(0, end), payload: frames[end] ?? Buffer.alloc(0) };
}
