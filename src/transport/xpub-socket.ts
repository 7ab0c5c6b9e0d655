import { chmod, stat } from 'node:fs/promises';
import { XPublisher } from 'zeromq';
import { uninterrupted } from '../contract/uninterrupted.js';
import { Subscriptions } from '../control/streams/topics.js';
import { SupertreeError } from '../errors.js';
import { parseEndpoint } from '../protocol/endpoint.js';
import { bindTo } from './bind.js';
import { bindAgain } from './bind-again.js';
import { closeSocket } from './close-socket.js';
import type { ConnectionLimit } from './connection-limit.js';
import { CONNECTION_OPTIONS } from './connection-options.js';
import type { SecurityOptions } from './socket-security.js';

/** The most frames and bytes that wait here. */
const MAX_WAITING = { frames: 20_000, bytes: 32 * 1024 * 1024 };

/** The number of frames that are passed to the socket in one round of the event loop, so that a burst does not overrun subscribers that read. */
const PER_ROUND = 250;

/**
 * The most that libzmq holds for one subscriber; further frames are lost to that subscriber. libzmq counts frames. The bytes are bounded because no
 * such number of successive frames exceeds them: see `RecentBytes`.
 */
export const PER_SUBSCRIBER = { frames: 1000, bytes: 16 * 1024 * 1024 };

/** Topics are no longer than a uuid: a longer message is no subscription. The handshake has to fit too, and that of CURVE is longer. */
const MAX_SUBSCRIPTION = { open: 256, locked: 1024 };

/** The limits of the different subscriptions of one socket, in number and bytes: libzmq keeps about 50 bytes of memory for each. */
export const MAX_SUBSCRIPTIONS = 20_000;
const MAX_BYTES = 64 * MAX_SUBSCRIPTIONS;

export interface PublishSocketOptions {
  /** The endpoint to bind. */
  readonly endpoint: string;
  readonly security: SecurityOptions;
  readonly connections: ConnectionLimit;
  /** Called with each socket before it is bound. */
  readonly watch: (socket: XPublisher) => void;
  /** Called with each new subscription, even if another peer has the same one already. */
  readonly followed: (subscription: string) => void;
  /** Called with errors that belong to no caller. */
  readonly failed: (thrown: unknown) => void;
}

/** One XPUB socket at one endpoint, with the subscriptions of its peers. It never waits for a peer. */
export class PublishSocket {
  subscriptions = new Subscriptions();
  /** Frames that the socket took. */
  sent = 0;
  /** Frames that were dropped because too many waited, here or in libzmq. */
  dropped = 0;
  #socket: XPublisher;
  readonly #options: PublishSocketOptions;
  readonly #waiting: Buffer[] = [];
  #receiving: Promise<void> | null = null;
  #endpoint = '';
  readonly #recent = new RecentBytes(PER_SUBSCRIBER.frames);
  #bytes = 0;
  #left = PER_ROUND;
  #round: NodeJS.Immediate | undefined;
  #renewing: Promise<void> | null = null;
  readonly #closing = new AbortController();

  constructor(options: PublishSocketOptions) {
    this.#options = options;
    this.#socket = this.#newSocket();
  }

  /** Resolves with the bound endpoint, with port 0 replaced by the real port. Rejects with the system's error. */
  async bind(): Promise<string> {
    this.#endpoint = await bindTo(this.#socket, this.#options.endpoint);
    this.#receiving = this.#listen().catch(this.#options.failed);
    return this.#endpoint;
  }

  send(frame: Buffer): void {
    if (this.#socket.closed) return;
    this.#round ??= setImmediate(this.#nextRound);
    if (this.#left > 0) {
      this.#left--;
      void this.#hand(frame);
    } else if (this.#waiting.length >= MAX_WAITING.frames || this.#bytes + frame.length > MAX_WAITING.bytes) {
      this.dropped++;
    } else {
      this.#waiting.push(frame);
      this.#bytes += frame.length;
    }
  }

  /** Passes the waiting frames to the socket, then closes it. Resolves when nothing listens at its endpoint any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    // A failure to bind again was reported already.
    await Promise.allSettled([this.#renewing]);
    if (this.#round !== undefined) clearImmediate(this.#round);
    for (const frame of this.#waiting.splice(0)) void this.#hand(frame);
    this.#options.connections.forget(this.#socket);
    await closeSocket(this.#socket, this.#endpoint);
    await this.#receiving;
  }

  async #listen(): Promise<void> {
    const socket = this.#socket;
    try {
      for await (const [message = NONE] of socket) {
        this.#hear(message);
        if (this.subscriptions.size > MAX_SUBSCRIPTIONS || this.subscriptions.bytes > MAX_BYTES) break;
      }
    } catch (thrown) {
      // A close may overtake a receive.
      if (!socket.closed) throw thrown;
    }
    if (socket.closed || this.#closing.signal.aborted) return;
    const error = new SupertreeError('SUBSCRIPTION_LIMIT', { max: MAX_SUBSCRIPTIONS, endpoint: this.#endpoint });
    this.#renewing = this.#renew(error);
    await this.#renewing;
    this.#renewing = null;
    if (!this.#closing.signal.aborted) await this.#listen();
  }

  /**
   * An XPUB socket can neither refuse a subscription nor tell which peer made it, so with too many subscriptions the socket is replaced:
   * 1. the old one is closed, which frees its memory and disconnects every subscriber of this endpoint;
   * 2. the new one is bound; live subscribers reconnect and see the gap in the sequence numbers.
   */
  async #renew(error: SupertreeError): Promise<void> {
    this.#options.failed(error);
    this.#options.connections.forget(this.#socket);
    const restore = await keepMode(this.#endpoint);
    await closeSocket(this.#socket, this.#endpoint);
    this.subscriptions = new Subscriptions();
    const socket = await bindAgain(this.#options, this.#endpoint, () => this.#newSocket(), this.#closing.signal);
    if (socket === null) return;
    this.#socket = socket;
    await restore();
  }

  #newSocket(): XPublisher {
    const { connections, endpoint } = this.#options;
    const socket = newSocket(this.#options);
    if (endpoint.startsWith('tcp://')) connections.watch(socket, () => this.#tooManyConnections());
    return socket;
  }

  #tooManyConnections(): void {
    if (this.#closing.signal.aborted || this.#renewing !== null) return;
    const { max } = this.#options.connections;
    this.#renewing = this.#renew(new SupertreeError('CONNECTION_LIMIT', { max, endpoint: this.#endpoint }))
      .then(() => {
        this.#renewing = null;
        if (!this.#closing.signal.aborted) this.#receiving = this.#listen().catch(this.#options.failed);
      })
      .catch(this.#options.failed);
  }

  /** Handles a subscription message: a byte 1 or 0 and the prefix of topics (ZMQ_XPUB in zmq_socket(3)). */
  #hear(message: Buffer): void {
    const subscription = message.toString('latin1', 1);
    if (message[0] === 0) this.subscriptions.delete(subscription);
    else if (message[0] === 1) {
      this.subscriptions.add(subscription);
      this.#options.followed(subscription);
    }
  }

  /** Frames wait only once a round has passed on all that it may. */
  readonly #nextRound = (): void => {
    const frames = this.#waiting.splice(0, PER_ROUND);
    this.#left = PER_ROUND - frames.length;
    this.#round = frames.length === 0 ? undefined : setImmediate(this.#nextRound);
    for (const frame of frames) {
      this.#bytes -= frame.length;
      void this.#hand(frame);
    }
  };

  /** With a timeout of 0 the socket has taken or refused the frame when this returns: there is never more than one send at a time. */
  async #hand(frame: Buffer): Promise<void> {
    if (
      this.#recent.bytes + frame.length > PER_SUBSCRIBER.bytes &&
      frame.length > PER_SUBSCRIBER.bytes / PER_SUBSCRIBER.frames
    ) {
      this.dropped++;
      return;
    }
    this.#recent.add(frame.length);
    try {
      await this.#socket.send(frame);
      this.sent++;
    } catch (thrown) {
      this.dropped++;
      if (!this.#socket.closed) this.#options.failed(thrown);
    }
  }
}

const NONE = Buffer.alloc(0);

/** The bytes of the latest frames of a stream, as many frames as a queue holds: an upper bound of the bytes in that queue. */
export class RecentBytes {
  bytes = 0;
  readonly #sizes: Float64Array;
  #at = 0;

  constructor(frames: number) {
    this.#sizes = new Float64Array(frames);
  }

  add(bytes: number): void {
    this.bytes += bytes - (this.#sizes[this.#at] ?? 0);
    this.#sizes[this.#at] = bytes;
    this.#at = (this.#at + 1) % this.#sizes.length;
  }
}

function newSocket({ security, watch }: PublishSocketOptions): XPublisher {
  const socket = new XPublisher({
    linger: 200,
    sendTimeout: 0,
    sendHighWaterMark: PER_SUBSCRIBER.frames,
    maxMessageSize: 'curveServer' in security ? MAX_SUBSCRIPTION.locked : MAX_SUBSCRIPTION.open,
    // libzmq reads all queued messages before this thread sees any: a short queue keeps them few. The handshake of CURVE takes more than one.
    receiveHighWaterMark: 4,
    // Reports each subscription, also to a topic that has subscribers: a new subscriber needs the position of the stream.
    verbosity: 'allSubs',
    ...CONNECTION_OPTIONS,
    ...security,
  });
  uninterrupted(() => socket.events);
  watch(socket);
  return socket;
}

/** Each bind makes the socket file of an ipc endpoint anew: the new file gets the mode of the old one. */
async function keepMode(endpoint: string): Promise<() => Promise<void>> {
  const { kind, path } = { path: '', ...parseEndpoint(endpoint) };
  if (kind !== 'ipc') return async () => {};
  const mode = await stat(path).then(
    (stats) => stats.mode & 0o777,
    () => 0o600,
  );
  return () => chmod(path, mode);
}
