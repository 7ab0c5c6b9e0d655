import { Router } from 'zeromq';
import { DEFAULT_LIMITS, type Limits } from '../control/limits.js';
import type { RequestContext } from '../control/request-context.js';
import { SupertreeError } from '../errors.js';
import { MAX_MESSAGE_SIZE } from '../protocol/protocol.js';
import { bindTo } from './bind.js';
import { BoundSockets } from './bound-sockets.js';
import { closeSocket } from './close-socket.js';
import { FairQueue } from './fair-queue.js';
import { nameOf, Outbox, type OutboxStats } from './outbox.js';
import { NO_SECURITY, type SocketSecurity } from './socket-security.js';
import { Unsent } from './unsent-bytes.js';

export interface RequestRouterOptions {
  /**
   * Answers one payload. `interim` sends a word before the answer. Called for the next request without waiting for the
   * one before. If it rejects, nothing is answered and `failed` is told.
   */
  handle(payload: Uint8Array, interim: (bytes: Buffer) => void, context: RequestContext): Promise<Buffer>;
  /** Told what should not happen. */
  failed(thrown: unknown): void;
  /** What one peer may ask for. If not given, the defaults. */
  readonly limits?: Partial<Limits>;
  /** Who may come in. If not given, anybody who reaches a socket. */
  readonly security?: SocketSecurity;
}

/** The sockets that requests come to. */
export interface RequestRouter {
  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said (`code` EADDRINUSE, ...). */
  bind(endpoint: string): Promise<string>;
  /** Lets go of an endpoint that `bind` resolved with, after what can be sent at once. Resolves when nothing listens there any more. */
  unbind(endpoint: string): Promise<void>;
  readonly stats: OutboxStats & { readonly received: number; readonly peers: number };
  /** Sends what can be sent at once, then closes. */
  close(): Promise<void>;
}

/** A larger message ends its connection before it fills the memory; up to here it gets an answer. */
const HARD_LIMIT = 2 * MAX_MESSAGE_SIZE;

/** How many messages libzmq keeps for one peer, in each direction. */
const HIGH_WATER_MARK = 256;

/**
 * One ROUTER socket for each endpoint, so that it is known where a request came in. Serves REQ peers and DEALER peers, with or without
 * an empty delimiter: the envelope comes back as it was. No heartbeats, because a known client takes them for errors; a peer whose
 * machine is gone is found out by the kernel. A peer that does not read delays nobody, and neither does one that asks for much.
 */
export function createRequestRouter(options: RequestRouterOptions): RequestRouter {
  const doors = new BoundSockets<Door>();
  const unsent = new Unsent();
  const sum = (count: (door: Door) => number) => [...doors.all].reduce((total, door) => total + count(door), 0);
  return {
    bind: (endpoint) => doors.bind(endpoint, new Door(options, unsent, endpoint)),
    unbind: (endpoint) => doors.unbind(endpoint),
    get stats() {
      return {
        sent: sum((door) => door.outbox.stats.sent),
        dropped: sum((door) => door.outbox.stats.dropped),
        received: sum((door) => door.received),
        peers: sum((door) => door.turns.peers),
      };
    },
    close: () => doors.close(),
  };
}

interface Request {
  readonly envelope: readonly Buffer[];
  readonly payload: Buffer;
  /** The name of the peer. */
  readonly connection: string;
  readonly receivedAt: number;
}

/** One endpoint with its socket, its turns and its way out. */
class Door {
  readonly turns: FairQueue;
  readonly outbox: Outbox;
  received = 0;
  readonly #options: RequestRouterOptions;
  readonly #security: SocketSecurity;
  readonly #socket: Router;
  #receiving: Promise<void> | null = null;
  #endpoint = '';

  constructor(options: RequestRouterOptions, unsent: Unsent, endpoint: string) {
    this.#options = options;
    this.#security = options.security ?? NO_SECURITY;
    this.#socket = new Router({
      // With `mandatory` and no timeout a reply that cannot be queued is an error at once, instead of lost unseen.
      mandatory: true,
      sendTimeout: 0,
      // A connection may be gone long before the server hears of it: who comes back with its routing id is who had it.
      handover: true,
      sendHighWaterMark: HIGH_WATER_MARK,
      receiveHighWaterMark: HIGH_WATER_MARK,
      linger: 500,
      maxMessageSize: HARD_LIMIT,
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 60,
      ...this.#security.options('requests', endpoint),
    });
    this.#security.watch(this.#socket, 'requests', endpoint);
    this.outbox = new Outbox(this.#socket, unsent, (peer) => this.turns.wake(peer));
    this.turns = new FairQueue({
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      isBlocked: (peer) => this.outbox.isBlocked(peer),
    });
  }

  async bind(endpoint: string): Promise<string> {
    this.#endpoint = await bindTo(this.#socket, endpoint);
    this.#receiving = this.#receive().catch(this.#options.failed);
    return this.#endpoint;
  }

  async close(): Promise<void> {
    this.turns.close();
    await this.outbox.close();
    await closeSocket(this.#socket, this.#endpoint);
    await this.#receiving;
  }

  async #receive(): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        this.#take(frames);
        await this.#drain();
      }
    } catch (thrown) {
      // A close may overtake a receive.
      if (!this.#socket.closed) throw thrown;
    }
  }

  /**
   * Takes what else has come, then waits until the answers are handed over. While a receive waits, each send looks for messages to
   * end it, which costs a system call; without the timeout a receive looks for none before it tries.
   */
  async #drain(): Promise<void> {
    this.#socket.receiveTimeout = 0;
    try {
      for (let n = 1; n < HIGH_WATER_MARK; n++) this.#take(await this.#socket.receive());
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
    }
    await this.outbox.handedOver();
    if (!this.#socket.closed) this.#socket.receiveTimeout = -1;
  }

  /** A request beyond a limit is answered at once, with the limit; what a peer asks for in its turn. */
  #take(frames: Buffer[]): void {
    this.received++;
    const receivedAt = performance.now();
    const { envelope, payload } = open(frames);
    const connection = nameOf(envelope[0]);
    const request: Request = { envelope, payload, connection, receivedAt };
    const refused = this.turns.enter(connection, payload.length, () => this.#answer(request, null), receivedAt);
    if (refused !== null) void this.#answer(request, refused);
  }

  async #answer({ envelope, payload, connection, receivedAt }: Request, refused: SupertreeError | null): Promise<void> {
    const endpoint = this.#endpoint;
    const offer = (bytes: Buffer) => this.outbox.offer(connection, [...envelope, bytes]);
    try {
      const peer = this.#security.identify(envelope[0] ?? NONE, endpoint);
      const context = { peer, connection, endpoint, receivedAt, refused };
      const bytes = await this.#options.handle(payload, offer, context);
      const room = offer(bytes);
      if (room === null) return;
      const unsent = new SupertreeError('ANSWER_UNSENT', { size: bytes.length, ...room });
      const refusal = await this.#options.handle(payload, offer, { ...context, refused: unsent });
      this.outbox.send(connection, [...envelope, refusal]);
    } catch (thrown) {
      this.#options.failed(thrown);
    }
  }
}

const NONE = Buffer.alloc(0);

/**
 * Parts the envelope from the payload. The envelope is the peer's identity and, where there is one, all up to the empty
 * delimiter; the payload is the one frame behind it, further frames are ignored.
 */
function open(frames: Buffer[]): { envelope: Buffer[]; payload: Buffer } {
  let delimiter = 1;
  while (delimiter < frames.length - 1 && frames[delimiter]?.length !== 0) delimiter++;
  const end = delimiter < frames.length - 1 ? delimiter + 1 : 1;
  return { envelope: frames.slice(0, end), payload: frames[end] ?? NONE };
}
