import { XPublisher } from 'zeromq';
import { letGo } from './let-go.js';
import type { LockOptions } from './locks.js';
import { Subscriptions } from './topics.js';

/** How much may wait here. */
const MAX_WAITING = { frames: 20_000, bytes: 32 * 1024 * 1024 };

/** How many frames are handed to the socket in one round of the event loop, so that a burst does not overrun those who do read. */
const PER_ROUND = 500;

/** How many frames libzmq keeps for one subscriber; all of them share the bytes. What is beyond is lost to that one. */
const PER_SUBSCRIBER = 2000;

/** No topic of ours is longer than a uuid: whoever sends more than this is no subscriber. */
const MAX_SUBSCRIPTION = 1024;

export interface OutletOptions {
  readonly locks: LockOptions;
  /** Told of each subscription that begins, also of one that others have already. */
  readonly followed: (subscription: string) => void;
  /** Told what should not happen. */
  readonly failed: (thrown: unknown) => void;
}

/** One XPUB socket at one endpoint, with what its peers subscribe to. Nothing here ever waits for a peer. */
export class Outlet {
  readonly subscriptions = new Subscriptions();
  /** Frames that the socket took. */
  sent = 0;
  /** Frames that were dropped because more had to be sent at once than may wait. */
  dropped = 0;
  readonly #socket: XPublisher;
  readonly #options: OutletOptions;
  readonly #waiting: Buffer[] = [];
  #receiving: Promise<void> | null = null;
  #endpoint = '';
  #bytes = 0;
  #left = PER_ROUND;
  #round: NodeJS.Immediate | undefined;

  constructor(options: OutletOptions) {
    this.#options = options;
    this.#socket = new XPublisher({
      linger: 200,
      sendTimeout: 0,
      sendHighWaterMark: PER_SUBSCRIBER,
      maxMessageSize: MAX_SUBSCRIPTION,
      // Whoever joins others under a topic is told apart: it must be told where the stream is.
      verbosity: 'allSubs',
      // A peer whose machine is gone is found out by the kernel; heartbeats of ZMTP are errors to a known client.
      tcpKeepalive: 1,
      tcpKeepaliveIdle: 60,
      ...options.locks,
    });
  }

  /** Resolves with the endpoint as it is, a wildcard port replaced. Rejects with what the system said. */
  async bind(endpoint: string): Promise<string> {
    await this.#socket.bind(endpoint);
    this.#endpoint = this.#socket.lastEndpoint ?? endpoint;
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
    if (this.#round !== undefined) clearImmediate(this.#round);
    for (const frame of this.#waiting.splice(0)) void this.#hand(frame);
    await letGo(this.#socket, this.#endpoint);
    await this.#receiving;
  }

  async #listen(): Promise<void> {
    try {
      for await (const [message = NONE] of this.#socket) this.#hear(message);
    } catch (thrown) {
      // A close may overtake a receive.
      if (!this.#socket.closed) throw thrown;
    }
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
