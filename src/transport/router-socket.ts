import { setTimeout as sleep } from 'node:timers/promises';
import { Router } from 'zeromq';
import { UNPROVEN } from '../control/access/roles.js';
import type { RequestContext } from '../control/request-context.js';
import { SupertreeError } from '../errors.js';
import { JOIN_ANSWERS } from '../protocol/joined-answers.js';
import { MAX_MESSAGE_SIZE } from '../protocol/protocol.js';
import { bindTo } from './bind.js';
import { closeSocket } from './close-socket.js';
import type { ConnectionLimit } from './connection-limit.js';
import { CONNECTION_OPTIONS } from './connection-options.js';
import type { FairQueue } from './fair-queue.js';
import { Outbox } from './outbox.js';
import { SEND_QUEUE, type SendWindow } from './send-window.js';
import type { SocketSecurity } from './socket-security.js';

/** Answers one payload, see `RequestRouterOptions`. */
export type Handle = (
  payload: Uint8Array,
  interim: (bytes: Buffer) => void,
  context: RequestContext,
) => Promise<Buffer>;

/** What the sockets of one router share. */
export interface RouterSocketOptions {
  readonly handle: Handle;
  readonly failed: (thrown: unknown) => void;
  readonly security: SocketSecurity;
  readonly queue: FairQueue;
  readonly window: SendWindow;
  readonly connections: ConnectionLimit;
}

/** A larger message ends its connection before it fills the memory; up to here it gets an answer. */
const HARD_LIMIT = 2 * MAX_MESSAGE_SIZE;

/** How many requests libzmq keeps of one peer, and how many are taken from it in one round of the event loop. */
const RECEIVE_QUEUE = 256;

/** How long an endpoint stays closed that had too many connections, in ms: longer each time, unless it was open for `calm` ms. */
const CLOSED_FOR = { first: 50, most: 2_000, calm: 10_000 };

interface Request {
  readonly envelope: readonly Buffer[];
  readonly payload: Buffer;
  /** The sender reads several answers from one message. */
  readonly joins: boolean;
  readonly context: RequestContext;
}

/** One ROUTER socket at one endpoint: requests go into the queue, answers into the outbox. */
export class RouterSocket {
  readonly outbox: Outbox;
  received = 0;
  readonly #options: RouterSocketOptions;
  readonly #given: string;
  /** Begins the names of its connections, which are unique among all sockets. */
  readonly #prefix = `${++serial}.`;
  #socket: Router;
  #receiving: Promise<void> | null = null;
  #reopening: Promise<void> | null = null;
  #endpoint = '';
  #openedAt = 0;
  #closedFor = CLOSED_FOR.first;
  #closing = false;

  constructor(options: RouterSocketOptions, endpoint: string) {
    this.#options = options;
    this.#given = endpoint;
    this.#socket = this.#newSocket();
    this.outbox = new Outbox(
      () => this.#socket,
      options.window,
      (connection) => options.queue.wake(connection),
    );
  }

  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said. */
  async bind(): Promise<string> {
    this.#endpoint = await bindTo(this.#socket, this.#given);
    this.#openedAt = performance.now();
    this.#receiving = this.#receive().catch(this.#options.failed);
    return this.#endpoint;
  }

  /** Sends what the peers take at once, then closes. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#reopening;
    await this.outbox.close();
    this.#options.connections.forget(this.#socket);
    await closeSocket(this.#socket, this.#endpoint);
    await this.#receiving;
  }

  #newSocket(): Router {
    const { security, connections } = this.#options;
    const socket = new Router({
      // With `mandatory` and no timeout a reply that cannot be queued is an error at once, instead of lost unseen.
      mandatory: true,
      sendTimeout: 0,
      // A connection may be gone long before the server hears of it: who comes back with its routing id is who had it.
      handover: true,
      sendHighWaterMark: SEND_QUEUE,
      receiveHighWaterMark: RECEIVE_QUEUE,
      linger: 500,
      maxMessageSize: HARD_LIMIT,
      ...CONNECTION_OPTIONS,
      ...security.options('requests', this.#given),
    });
    security.watch(socket, 'requests', this.#given);
    if (this.#given.startsWith('tcp://')) connections.watch(socket, () => this.#tooManyConnections());
    return socket;
  }

  #tooManyConnections(): void {
    if (this.#closing || this.#reopening !== null) return;
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
    await sleep(this.#closedFor);
    while (!this.#closing) {
      this.#socket = this.#newSocket();
      try {
        await bindTo(this.#socket, this.#endpoint);
        break;
      } catch (thrown) {
        this.#options.connections.forget(this.#socket);
        this.#socket.close();
        this.#options.failed(thrown);
        await sleep(CLOSED_FOR.most);
      }
    }
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
   * Takes what else has come, then waits until the answers are handed over. While a receive waits, each send looks for messages to
   * end it, which costs a system call; without the timeout a receive looks for none before it tries.
   */
  async #drain(socket: Router): Promise<void> {
    socket.receiveTimeout = 0;
    try {
      for (let n = 1; n < RECEIVE_QUEUE; n++) this.#take(await socket.receive());
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
    }
    await this.outbox.handedOver();
    if (!socket.closed) socket.receiveTimeout = -1;
  }

  /** A request beyond a limit is answered at once, with the limit; every other one in its turn. */
  #take(frames: Buffer[]): void {
    this.received++;
    const { queue, security, window } = this.#options;
    const { envelope, payload, joins } = parse(frames);
    const [routingId = NONE] = envelope;
    const connection = this.#prefix + routingId.toString('latin1');
    const peer = security.identify(routingId, this.#endpoint);
    const context = { peer, connection, endpoint: this.#endpoint, receivedAt: performance.now(), refused: null };
    const request: Request = { envelope, payload, joins, context };
    // A peer that asks one request after another has read every answer before it asks again.
    if (queue.isIdle(connection) && this.outbox.waitingFor(connection) === 0) window.release(connection);
    const isKnown = peer.grants !== null && peer !== UNPROVEN;
    const group = isKnown ? `key ${peer.name}` : this.#endpoint;
    const owner = isKnown ? group : connection;
    const source = { group, owner, connection, isBlocked: () => this.outbox.isBlocked(connection) };
    const refused = queue.enter(source, payload.length, () => this.#answer(request), context.receivedAt);
    if (refused !== null) void this.#answer({ ...request, context: { ...context, refused } });
  }

  async #answer({ envelope, payload, joins, context }: Request): Promise<void> {
    const { handle, failed } = this.#options;
    const { connection } = context;
    const offer = (bytes: Buffer) => this.outbox.offer(connection, envelope, bytes, joins);
    try {
      const bytes = await handle(payload, offer, context);
      const room = offer(bytes);
      if (room === null) return;
      const refused = new SupertreeError('ANSWER_UNSENT', { size: bytes.length, ...room });
      this.outbox.send(connection, envelope, await handle(payload, offer, { ...context, refused }), joins);
    } catch (thrown) {
      failed(thrown);
    }
  }
}

let serial = 0;

const NONE = Buffer.alloc(0);

/**
 * Parts the envelope from the payload. The envelope is the peer's identity and, where there is one, all up to the empty
 * delimiter; the payload is the one frame behind it. Of the further frames only `JOIN_ANSWERS` means something.
 */
function parse(frames: Buffer[]): { envelope: Buffer[]; payload: Buffer; joins: boolean } {
  let delimiter = 1;
  while (delimiter < frames.length - 1 && frames[delimiter]?.length !== 0) delimiter++;
  const end = delimiter < frames.length - 1 ? delimiter + 1 : 1;
  const joins = end === 2 && frames[end + 1]?.toString('latin1') === JOIN_ANSWERS;
  return { envelope: frames.slice(0, end), payload: frames[end] ?? NONE, joins };
}
