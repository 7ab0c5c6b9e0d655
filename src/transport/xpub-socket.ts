import { chmod, stat } from 'node:fs/promises';
import { XPublisher } from 'zeromq';
import { Subscriptions } from '../control/streams/topics.js';
import { SupertreeError } from '../errors.js';
import { parseEndpoint } from '../protocol/endpoint.js';
import { bindTo } from './bind.js';
import { closeSocket } from './close-socket.js';
import type { SecurityOptions } from './socket-security.js';

/** How much may wait here. */
const MAX_WAITING = { frames: 20_000, bytes: 32 * 1024 * 1024 };

/** How many frames are handed to the socket in one round of the event loop, so that a burst does not overrun those who do read. */
const PER_ROUND = 500;

/** How many frames libzmq keeps for one subscriber; all of them share the bytes. What is beyond is lost to that one. */
const PER_SUBSCRIBER = 2000;

/** No topic of ours is longer than a uuid: whoever sends more than this is no subscriber. The handshake has to fit too, that of CURVE is longer. */
const MAX_SUBSCRIPTION = { open: 256, locked: 1024 };

/** How many different subscriptions one socket holds, and their bytes: libzmq keeps about 50 bytes of memory for each. */
export const MAX_SUBSCRIPTIONS = 20_000;
const MAX_BYTES = 64 * MAX_SUBSCRIPTIONS;

export interface PublishSocketOptions {
  readonly security: SecurityOptions;
  /** Told of each socket before it is bound. */
  readonly watch: (socket: XPublisher) => void;
  /** Told of each subscription that begins, also of one that others have already. */
  readonly followed: (subscription: string) => void;
  /** Told what should not happen. */
  readonly failed: (thrown: unknown) => void;
}

/** One XPUB socket at one endpoint, with what its peers subscribe to. Nothing here ever waits for a peer. */
export class PublishSocket {
  subscriptions = new Subscriptions();
  /** Frames that the socket took. */
  sent = 0;
  /** Frames that were dropped because more had to be sent at once than may wait. */
  dropped = 0;
  #socket: XPublisher;
  readonly #options: PublishSocketOptions;
  readonly #waiting: Buffer[] = [];
  #receiving: Promise<void> | null = null;
  #endpoint = '';
  #bytes = 0;
  #left = PER_ROUND;
  #round: NodeJS.Immediate | undefined;
  #renewing: Promise<void> | null = null;
  #closing = false;

  constructor(options: PublishSocketOptions) {
    this.#options = options;
    this.#socket = newSocket(options);
  }

  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said. */
  async bind(endpoint: string): Promise<string> {
    this.#endpoint = await bindTo(this.#socket, endpoint);
    this.#receiving = this.#listen().catch(this.#options.failed);
    return this.#endpoint;
  }

  send(frame: Buffer): void {
    if (this.#socket.closed) return;
    if (this.#waiting.length >= MAX_WAITING.frames || this.#bytes + frame.length > MAX_WAITING.bytes) {
      this.dropped++;
      return;
    }
    this.#waiting.push(frame);
    this.#bytes += frame.length;
    this.#round ??= setImmediate(() => this.#nextRound());
    this.#pump();
  }

  /** Hands over what waits, then closes. Resolves when nothing listens at its endpoint any more. */
  async close(): Promise<void> {
    this.#closing = true;
    // If it failed, that was told.
    await Promise.allSettled([this.#renewing]);
    if (this.#round !== undefined) clearImmediate(this.#round);
    for (const frame of this.#waiting.splice(0)) void this.#hand(frame);
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
    if (socket.closed || this.#closing) return;
    this.#renewing = this.#renew();
    await this.#renewing;
    if (!this.#closing) await this.#listen();
  }

  /**
   * An XPUB socket cannot refuse a subscription, nor tell whose it is, so with too many of them a new socket takes its place:
   * 1. the old one is closed, which gives back what it held, and disconnects every subscriber of this endpoint;
   * 2. the new one is bound; those who are still there come back to it, and see the gap in the numbers.
   */
  async #renew(): Promise<void> {
    this.#options.failed(
      new SupertreeError('SUBSCRIPTION_LIMIT', { max: MAX_SUBSCRIPTIONS, endpoint: this.#endpoint }),
    );
    const restore = await keepMode(this.#endpoint);
    await closeSocket(this.#socket, this.#endpoint);
    this.subscriptions = new Subscriptions();
    this.#socket = newSocket(this.#options);
    await bindTo(this.#socket, this.#endpoint);
    await restore();
  }

  /** A message of 1 or 0 and the beginning of a topic (ZMQ_XPUB in zmq_socket(3)). */
  #hear(message: Buffer): void {
    const subscription = message.toString('latin1', 1);
    if (message[0] === 0) this.subscriptions.delete(subscription);
    else if (message[0] === 1) {
      this.subscriptions.add(subscription);
      this.#options.followed(subscription);
    }
  }

  #nextRound(): void {
    this.#round = undefined;
    this.#left = PER_ROUND;
    if (this.#waiting.length === 0) return;
    this.#round = setImmediate(() => this.#nextRound());
    this.#pump();
  }

  #pump(): void {
    const frames = this.#waiting.splice(0, this.#left);
    this.#left -= frames.length;
    for (const frame of frames) void this.#hand(frame);
  }

  /** With a timeout of 0 the socket has the frame, or has refused it, before this returns: there is never more than one send at a time. */
  async #hand(frame: Buffer): Promise<void> {
    this.#bytes -= frame.length;
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

function newSocket({ security, watch }: PublishSocketOptions): XPublisher {
  const socket = new XPublisher({
    linger: 200,
    sendTimeout: 0,
    sendHighWaterMark: PER_SUBSCRIBER,
    maxMessageSize: 'curveServer' in security ? MAX_SUBSCRIPTION.locked : MAX_SUBSCRIPTION.open,
    // libzmq takes in all that waits at one go, before this thread hears of any of it: with a short queue that is little. The handshake of CURVE takes more than 1.
    receiveHighWaterMark: 4,
    // Whoever joins others under a topic is told apart: it must be told where the stream is.
    verbosity: 'allSubs',
    // A peer whose machine is gone is found out by the kernel; heartbeats of ZMTP are errors to a known client.
    tcpKeepalive: 1,
    tcpKeepaliveIdle: 60,
    ...security,
  });
  watch(socket);
  return socket;
}

/** The socket file of an ipc endpoint is made anew with each bind: the new one gets the mode of the old one. */
async function keepMode(endpoint: string): Promise<() => Promise<void>> {
  const { kind, path } = { path: '', ...parseEndpoint(endpoint) };
  if (kind !== 'ipc') return async () => {};
  const mode = await stat(path).then(
    (stats) => stats.mode & 0o777,
    () => 0o600,
  );
  return () => chmod(path, mode);
}
