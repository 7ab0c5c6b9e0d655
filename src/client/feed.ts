import { Subscriber } from 'zeromq';
import { uninterrupted } from '../contract/uninterrupted.js';
import { asSupertreeError, type SupertreeError } from '../errors.js';
import { type ClientSecurity, curveClient, isRefusal, watchHandshake } from './security.js';
import { checkSocketOwner, type ServerOwner } from './socket-owner.js';

export interface FeedOptions {
  /** `null` for a feed that receives nothing. */
  readonly endpoint: string | null;
  /** Only frames with exactly this topic are received. */
  readonly topic: string;
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** Sends ZMTP heartbeats. Not every server of the agent protocol understands them. */
  readonly heartbeats: boolean;
}

/**
 * The next item of a feed: the document of a frame; `opened` when the subscription was made, and again after each loss; `overflow` when frames
 * were dropped because they were not taken in time; `woken` after `wake()`; `quiet` when nothing came in time; `closed`.
 */
export type FeedItem =
  | { readonly type: 'frame'; readonly document: Buffer }
  | { readonly type: 'opened' | 'overflow' | 'woken' | 'quiet' | 'closed' };

/** The most that a feed holds until it is taken. */
const MAX_WAITING = { frames: 10_000, bytes: 32 * 1024 * 1024 };

/** After a broken-off handshake: how long libzmq's own attempts may still succeed, in ms. */
const REOPEN_AFTER = 5_000;

/** ZMTP heartbeats (ZMTP 3.1), in ms: they detect a server that vanished without closing its connection. */
const HEARTBEAT = { heartbeatInterval: 3_000, heartbeatTimeout: 9_000 };

/** One subscription. It reconnects by itself; frames published meanwhile are lost, which the sequence numbers show. */
export class Feed {
  readonly #socket: Subscriber;
  readonly #prefix: Buffer;
  /** The items before index `#taken` have been taken. They are cut off once they are more than half, so each item is moved once on average. */
  #items: (FeedItem | null)[] = [];
  #bytes = 0;
  #taken = 0;
  #retry: NodeJS.Timeout | undefined;
  #wake: (() => void) | null = null;
  #refusal: SupertreeError | null = null;

  constructor({ endpoint, topic, security, owner, heartbeats }: FeedOptions) {
    this.#prefix = Buffer.from(`${topic}\0`);
    this.#socket = new Subscriber({
      linger: 0,
      reconnectInterval: 100,
      reconnectMaxInterval: 5_000,
      ...(heartbeats && HEARTBEAT),
      ...(endpoint !== null && { ipv6: endpoint.startsWith('tcp://['), ...curveClient(endpoint, security) }),
    });
    if (endpoint === null) return;
    uninterrupted(() => this.#socket.events);
    watchHandshake(this.#socket, endpoint, security, (error) => this.#fail(error));
    const isOwned = () => this.#attempt(() => checkSocketOwner(endpoint, owner));
    this.#socket.events.on('handshake', () => {
      if (!isOwned()) return;
      clearTimeout(this.#retry);
      this.#retry = undefined;
      this.#push({ type: 'opened' });
    });
    this.#socket.subscribe(topic);
    if (!isOwned()) return;
    uninterrupted(() => this.#socket.connect(endpoint));
    this.#receive().catch(() => this.close());
  }

  /** The next item; `quiet` when none comes within `ms`. Rejects KEY_REFUSED, ENDPOINT_FOREIGN, ENDPOINT_UNUSABLE. One call at a time. */
  async next(ms: number): Promise<FeedItem> {
    if (this.#refusal !== null) throw this.#refusal;
    if (this.#taken >= this.#items.length && !this.#socket.closed) await this.#wait(ms);
    if (this.#refusal !== null) throw this.#refusal;
    return this.#take() ?? { type: this.#socket.closed ? 'closed' : 'quiet' };
  }

  /** Makes the present or the next call of `next` return `woken`. */
  wake(): void {
    this.#push({ type: 'woken' });
  }

  /** Drops the items that were not taken. Can be called twice. */
  close(): void {
    this.#socket.close();
    clearTimeout(this.#retry);
    this.#clear();
    this.#wake?.();
  }

  async #receive(): Promise<void> {
    for await (const [frame] of this.#socket) {
      if (frame?.subarray(0, this.#prefix.length).equals(this.#prefix)) {
        this.#push({ type: 'frame', document: frame.subarray(this.#prefix.length) });
      }
    }
  }

  /**
   * A broken-off handshake may come from a tunnel whose server is away: libzmq tries again by itself. It may also come from another program at the
   * endpoint: then the follower has to ask for the endpoint again.
   */
  #fail(error: SupertreeError): void {
    if (isRefusal(error)) {
      this.#refusal = error;
      this.wake();
    } else if (!this.#socket.closed) {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.wake();
      }, REOPEN_AFTER);
    }
  }

  /** False when `check` throws; its error becomes the reason why there is no subscription. */
  #attempt(check: () => unknown): boolean {
    try {
      check();
      return true;
    } catch (thrown) {
      this.#fail(asSupertreeError(thrown));
      return false;
    }
  }

  #take(): FeedItem | null {
    const item = this.#items[this.#taken] ?? null;
    if (item === null) return null;
    this.#items[this.#taken] = null;
    this.#taken++;
    if (item.type === 'frame') this.#bytes -= item.document.length;
    if (this.#taken >= 64 && this.#taken * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  #push(item: FeedItem): void {
    if (this.#socket.closed) return;
    const size = item.type === 'frame' ? item.document.length : 0;
    if (this.#items.length - this.#taken >= MAX_WAITING.frames || this.#bytes + size > MAX_WAITING.bytes) {
      this.#clear();
      this.#items.push({ type: 'overflow' });
    } else {
      this.#items.push(item);
      this.#bytes += size;
    }
    this.#wake?.();
  }

  #clear(): void {
    this.#items = [];
    this.#bytes = 0;
    this.#taken = 0;
  }

  async #wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    this.#wake = null;
    clearTimeout(timer);
  }
}
