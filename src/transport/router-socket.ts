import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'zeromq';
import { uninterrupted } from '../contract/uninterrupted.js';
import { type Peer, UNPROVEN } from '../control/access/roles.js';
import type { RequestContext } from '../control/request-context.js';
import { SupertreeError } from '../errors.js';
import { JOIN_ANSWERS } from '../protocol/joined-answers.js';
import { MAX_MESSAGE_SIZE } from '../protocol/protocol.js';
import { bindTo } from './bind.js';
import { bindAgain } from './bind-again.js';
import { closeSocket } from './close-socket.js';
import type { ConnectionLimit } from './connection-limit.js';
import { CONNECTION_OPTIONS } from './connection-options.js';
import type { FairQueue } from './fair-queue.js';
import { Outbox, type Recipient, SLICE } from './outbox.js';
import { SEND_QUEUE, type SendWindow } from './send-window.js';
import type { SocketSecurity } from './socket-security.js';

/** Answers one payload, see `RequestRouterOptions`. */
export type Handle = (
  payload: Uint8Array,
  interim: (bytes: Buffer) => void,
  context: RequestContext,
) => Promise<Buffer>;

/** The options that the sockets of one router share. */
export interface RouterSocketOptions {
  readonly handle: Handle;
  readonly failed: (thrown: unknown) => void;
  readonly security: SocketSecurity;
  readonly queue: FairQueue;
  readonly window: SendWindow;
  readonly connections: ConnectionLimit;
}

/** A larger message closes its connection before it fills the memory; up to this size it gets an error as its answer. */
const HARD_LIMIT = 2 * MAX_MESSAGE_SIZE;

/** The number of requests that libzmq queues for one peer. */
const RECEIVE_QUEUE = 256;

/** For how long an endpoint with too many connections is closed, in ms: longer each time, unless it was open for `calm` ms. */
const CLOSED_FOR = { first: 50, most: 2_000, calm: 10_000 };

interface Request extends Recipient {
  readonly payload: Buffer;
  readonly context: RequestContext;
}

/** One ROUTER socket at one endpoint: requests go into the queue, answers into the outbox. */
export class RouterSocket {
  readonly outbox: Outbox;
  received = 0;
  readonly #options: RouterSocketOptions;
  readonly #given: string;
  /** The prefix of its connection names, which are unique among all sockets. */
  readonly #prefix = `${++serial}.`;
  #socket: Router;
  #receiving: Promise<void> | null = null;
  #reopening: Promise<void> | null = null;
  #endpoint = '';
  /** The peer that everybody is at this endpoint; `null` where a key is needed. */
  #peer: Peer | null = null;
  #openedAt = 0;
  #closedFor = CLOSED_FOR.first;
  readonly #closing = new AbortController();

  constructor(options: RouterSocketOptions, endpoint: string) {
    this.#options = options;
    this.#given = endpoint;
    this.#socket = this.#newSocket();
    this.outbox = new Outbox(this.#socket, options.window, (connection) => options.queue.wake(connection));
  }

  /** Resolves with the bound endpoint, with port 0 replaced by the real port. Rejects with the system's error. */
  async bind(): Promise<string> {
    this.#endpoint = await bindTo(this.#socket, this.#given);
    this.#peer = this.#options.security.peerAt(this.#endpoint);
    this.#openedAt = performance.now();
    this.#receiving = this.#receive().catch(this.#options.failed);
    return this.#endpoint;
  }

  /** Sends the answers that the peers take at once, then closes. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reopening;
    await this.outbox.close();
    this.#options.connections.forget(this.#socket);
    await closeSocket(this.#socket, this.#endpoint);
    await this.#receiving;
  }

  #newSocket(): Router {
    const { security, connections } = this.#options;
    const socket = new Router({
      // With `mandatory` and no timeout, an answer that cannot be queued is an error at once, instead of being lost silently.
      mandatory: true,
      sendTimeout: 0,
      // A connection may be gone long before the server notices: a peer that returns with its routing id takes over from itself.
      handover: true,
      sendHighWaterMark: SEND_QUEUE,
      receiveHighWaterMark: RECEIVE_QUEUE,
      linger: 500,
      maxMessageSize: HARD_LIMIT,
      ...CONNECTION_OPTIONS,
      ...security.options('requests', this.#given),
    });
    uninterrupted(() => socket.events);
    security.watch(socket, 'requests', this.#given);
    if (this.#given.startsWith('tcp://')) connections.watch(socket, () => this.#tooManyConnections());
    return socket;
  }

  #tooManyConnections(): void {
    if (this.#closing.signal.aborted || this.#reopening !== null) return;
    const { max } = this.#options.connections;
    this.#options.failed(new SupertreeError('CONNECTION_LIMIT', { max, endpoint: this.#endpoint }));
    this.#reopening = this.#reopen()
      .catch(this.#options.failed)
      .finally(() => {
        this.#reopening = null;
      });
  }

  async #reopen(): Promise<void> {
    const calm = performance.now() - this.#openedAt > CLOSED_FOR.calm;
    this.#closedFor = calm ? CLOSED_FOR.first : Math.min(2 * this.#closedFor, CLOSED_FOR.most);
    await closeSocket(this.#socket, this.#endpoint);
    await this.#receiving;
    await sleep(this.#closedFor, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    const socket = await bindAgain(this.#options, this.#endpoint, () => this.#newSocket(), this.#closing.signal);
    if (socket === null) return;
    this.#socket = socket;
    this.outbox.socket = socket;
    this.#openedAt = performance.now();
    this.#receiving = this.#receive().catch(this.#options.failed);
  }

  async #receive(): Promise<void> {
    const socket = this.#socket;
    try {
      for await (const frames of socket) {
        this.#take(frames);
        await this.#drain(socket);
      }
    } catch (thrown) {
      // A close may overtake a receive.
      if (!socket.closed) throw thrown;
    }
  }

  /**
   * Takes other messages that have arrived, for a slice of time, then waits until the answers were sent. While a receive is pending, each send polls for messages to
   * finish it, which costs a system call; hence the receive with a timeout of 0. A rejected receive costs ten times as much as a look at `readable`.
   */
  async #drain(socket: Router): Promise<void> {
    if (!socket.readable) return this.outbox.handedOver();
    socket.receiveTimeout = 0;
    const until = performance.now() + SLICE;
    try {
      while (performance.now() < until) this.#take(await socket.receive());
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
    }
    await this.outbox.handedOver();
    if (!socket.closed) socket.receiveTimeout = -1;
  }

  /** A request above a limit is answered with the error at once; other requests are queued. */
  #take(frames: Buffer[]): void {
    this.received++;
    const { queue, security, window } = this.#options;
    const { envelope, payload, joins } = parse(frames);
    const [routingId = NONE] = envelope;
    const connection = this.#prefix + routingId.toString('latin1');
    const peer = this.#peer ?? security.peerOf(routingId);
    const context = { peer, connection, endpoint: this.#endpoint, receivedAt: performance.now(), refused: null };
    const request: Request = { connection, envelope, payload, joins, context };
    // A peer that sends one request at a time has read every answer before it sends the next request.
    const mayHold = window.tracks(connection) && queue.isIdle(connection);
    if (mayHold && this.outbox.waitingFor(connection) === 0) window.release(connection);
    const isKnown = peer.grants !== null && peer !== UNPROVEN;
    const group = isKnown ? `key ${peer.name}` : this.#endpoint;
    const owner = isKnown ? group : connection;
    const source = { group, owner, connection, answers: this.outbox };
    const refused = queue.enter(source, payload.length, () => this.#answer(request), context.receivedAt);
    if (refused !== null) void this.#answer({ ...request, context: { ...context, refused } });
  }

  async #answer(request: Request): Promise<void> {
    const { handle, failed } = this.#options;
    const { payload, context } = request;
    const interim = (bytes: Buffer) => this.outbox.send(request, bytes);
    try {
      const bytes = await handle(payload, interim, context);
      const room = this.outbox.send(request, bytes);
      if (room === null) return;
      const refused = new SupertreeError('ANSWER_UNSENT', { size: bytes.length, ...room });
      this.outbox.send(request, await handle(payload, interim, { ...context, refused }), true);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

let serial = 0;

const NONE = Buffer.alloc(0);

/**
 * Splits the envelope from the payload. The envelope is the peer's routing id and, where there is an empty delimiter, all frames up to it; the payload
 * is the frame after it. Further frames are ignored, except `JOIN_ANSWERS`.
 */
function parse(frames: Buffer[]): { envelope: Buffer[]; payload: Buffer; joins: boolean } {
  let delimiter = 1;
  while (delimiter < frames.length - 1 && frames[delimiter]?.length !== 0) delimiter++;
  const end = delimiter < frames.length - 1 ? delimiter + 1 : 1;
  const joins = end === 2 && frames[end + 1]?.toString('latin1') === JOIN_ANSWERS;
  return { envelope: frames.slice(0, end), payload: frames[end] ?? NONE, joins };
}
