import { Subscriber } from 'zeromq';
import { asSupertreeError, type SupertreeError } from '../errors.js';
import { type ClientSecurity, curveClient, isRefusal, watchHandshake } from './security.js';
import { checkSocketOwner, type ServerOwner } from './socket-owner.js';

export interface FeedOptions {
  /** `null` for a feed that never says anything by itself. */
  readonly endpoint: string | null;
  /** What is received: frames whose topic is exactly this. */
  readonly topic: string;
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** Asks the server for signs of life. Not understood by every server of the agent protocol. */
  readonly heartbeats: boolean;
}

/**
 * What comes next: the document of a frame; `opened` when the subscription was made, again after each loss; `overflow` when frames were
 * dropped because nobody took them in time; `woken`; `quiet` when nothing came in time; `closed`.
 */
export type FeedWord =
  | { readonly type: 'frame'; readonly document: Buffer }
  | { readonly type: 'opened' | 'overflow' | 'woken' | 'quiet' | 'closed' };

/** How much may wait to be taken. */
const MAX_WAITING = { frames: 10_000, bytes: 32 * 1024 * 1024 };

/** How long after a handshake was broken off the subscription may take to come about after all, in ms. */
const BROKEN_OFF = 5_000;

/** ZMTP heartbeats (ZMTP 3.1), in ms: a server that has vanished is noticed although it sends nothing. */
const HEARTBEAT = { heartbeatInterval: 3_000, heartbeatTimeout: 9_000 };

/** One subscription. It connects again by itself; what was sent meanwhile is lost, and what was lost shows in the numbers. */
export class Feed {
  readonly #socket: Subscriber;
  readonly #prefix: Buffer;
  /** What is before `#taken` has left; it is cut off when it is more than half, so each word is moved once on average. */
  #words: (FeedWord | null)[] = [];
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
    this.#socket.connect(endpoint);
    this.#receive().catch(() => this.close());
  }

  /** The next word; `quiet` when none comes within `ms`. Rejects KEY_REFUSED, ENDPOINT_FOREIGN, ENDPOINT_UNUSABLE. One call at a time. */
  async next(ms: number): Promise<FeedWord> {
    if (this.#refusal !== null) throw this.#refusal;
    if (this.#taken >= this.#words.length && !this.#socket.closed) await this.#wait(ms);
    if (this.#refusal !== null) throw this.#refusal;
    return this.#take() ?? { type: this.#socket.closed ? 'closed' : 'quiet' };
  }

  /** Makes `next` say `woken` when it comes to it. */
  wake(): void {
    this.#push({ type: 'woken' });
  }

  /** What waits is dropped. Can be called twice. */
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
   * What breaks off a handshake may be a tunnel whose server is away, and libzmq tries again; it may be another end than the one that is
   * wanted, and then whoever follows has to look for it.
   */
  #fail(error: SupertreeError): void {
    if (isRefusal(error)) {
      this.#refusal = error;
      this.wake();
    } else if (!this.#socket.closed) {
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.wake();
      }, BROKEN_OFF);
    }
  }

  /** False when it throws: then that is why there is no subscription. */
  #attempt(check: () => unknown): boolean {
    try {
      check();
      return true;
    } catch (thrown) {
      this.#fail(asSupertreeError(thrown));
      return false;
    }
  }

  #take(): FeedWord | null {
    const word = this.#words[this.#taken] ?? null;
    if (word === null) return null;
    this.#words[this.#taken] = null;
    this.#taken++;
    if (word.type === 'frame') this.#bytes -= word.document.length;
    if (this.#taken >= 64 && this.#taken * 2 >= this.#words.length) {
      this.#words = this.#words.slice(this.#taken);
      this.#taken = 0;
    }
    return word;
  }

  #push(word: FeedWord): void {
    if (this.#socket.closed) return;
    const size = word.type === 'frame' ? word.document.length : 0;
    if (this.#words.length - this.#taken >= MAX_WAITING.frames || this.#bytes + size > MAX_WAITING.bytes) {
      this.#clear();
      this.#words.push({ type: 'overflow' });
    } else {
      this.#words.push(word);
      this.#bytes += size;
    }
    this.#wake?.();
  }

  #clear(): void {
    this.#words = [];
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
