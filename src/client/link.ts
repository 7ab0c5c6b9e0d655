import { nanoid } from 'nanoid';
import { type Actor, createActor } from 'xstate';
import { systemClock } from '../contract/clock.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import { linkMachine } from '../machines/link.js';
import type { Backoff } from '../model/spec.js';
import { decodeAnswer, encode } from '../protocol/decode.js';
import type { Message, MessageType } from '../protocol/protocol.js';
import { type Connection, openConnection } from './connection.js';
import { ConnectionWatch } from './connection-watch.js';
import { type Greeting, greetingOf } from './greeting.js';
import type { LinkOptions } from './options.js';
import { type CallOptions, isInterim, PendingRequest, type RequestDraft } from './requests.js';
import { isRefusal } from './security.js';
import type { LinkState, LinkStatistics } from './statistics.js';
import { Window } from './window.js';

const BACKOFF: Backoff = { initial: 100, factor: 2, max: 30_000, jitter: 0.5, resetAfter: 5_000 };

/** A request that was sent on so many broken connections is not sent again: it may be the cause. */
const MAX_SENDS = 10;

/**
 * A link to one server that outlives its connections. Requests that are in flight when a connection breaks are sent again on the next one if they
 * carry an idempotency key and the server knows such keys; the others reject NO_SERVER. It starts to connect when it is made.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #actor: Actor<typeof linkMachine>;
  #queue = new Map<string, PendingRequest>();
  readonly #window: Window;
  readonly #watch: ConnectionWatch;
  readonly #counts = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0, errors: 0, late: 0 };
  #connection: Connection | undefined;
  #attempt: unknown;
  #isReady = false;
  #hasGivenUp = false;
  #isClosed = false;
  #reason: SupertreeError | null = null;
  #connectedSince: number | null = null;
  /** The number of the request that opens a connection, and of the one that probes a silent server. */
  #hello = '';
  #probe = '';
  #greeting: Greeting = { isOurs: false, serverId: null };

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#window = new Window(options.window);
    this.#watch = new ConnectionWatch({
      idle: options.idle,
      hasPending: () => this.#window.waiting > 0,
      probe: () => this.#ask('probe'),
      lost: (reason) => this.#lose(reason === 'silent' ? null : this.#heldUp()),
    });
    const machine = linkMachine.provide({
      actions: {
        open: () => this.#open(),
        drop: () => this.#drop(),
        admit: () => this.#admit(),
        strand: () => this.#strand(),
        giveUp: () => this.#giveUp(),
      },
    });
    this.#actor = createActor(machine, { input: { attempts: options.attempts, backoff: BACKOFF } });
    this.#actor.start();
    this.#actor.send({ type: 'CONNECT' });
  }

  get endpoint(): string {
    return this.#options.endpoint;
  }

  get state(): LinkState {
    const { value } = this.#actor.getSnapshot();
    return typeof value === 'string' ? value : 'reconnecting';
  }

  /** True for a server that understands more than the agent protocol. Known after the first connection, as is `serverId`. */
  get isOurs(): boolean {
    return this.#greeting.isOurs;
  }

  get serverId(): string | null {
    return this.#greeting.serverId;
  }

  /** The number of unanswered requests. */
  get load(): number {
    return this.#queue.size + this.#window.waiting;
  }

  get statistics(): LinkStatistics {
    return {
      endpoint: this.endpoint,
      state: this.state,
      ...this.#counts,
      reconnections: this.#actor.getSnapshot().context.reconnections,
      connectedSince: this.#connectedSince,
      queued: this.#queue.size,
      inFlight: this.#window.waiting,
    };
  }

  /**
   * Sends a request and resolves with its answer, also when that reports a failure. Rejects TIMEOUT; NO_SERVER when the connection is lost, or does
   * not come about in time; QUEUE_FULL; MESSAGE_TOO_LARGE; CLIENT_CLOSED; the signal's reason. An answer that comes later is dropped.
   */
  async request(draft: RequestDraft, options: CallOptions): Promise<Message<MessageType>> {
    options.signal?.throwIfAborted();
    if (this.#hasGivenUp || this.#isClosed) throw this.#noServer();
    const limit = this.#options.queue;
    if (!this.#isReady && this.#queue.size >= limit) throw new SupertreeError('QUEUE_FULL', { limit });
    const id = nanoid();
    const request = new PendingRequest(id, draft, options, () => this.#done(id));
    this.#queue.set(id, request);
    if (!this.#isReady) request.wait(this.#options.patience, () => this.#noServer());
    this.#pump();
    return request.answer;
  }

  /** Resolves when it is connected. Rejects when it has given up, when its key or endpoint is refused, and with `first` when one attempt fails. */
  connected({ first = false }: { first?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const isFinal = first || isRefusal(this.#reason);
        if (this.state === 'connected') resolve();
        else if (this.#hasGivenUp || (isFinal && this.state !== 'connecting')) reject(this.#noServer());
        else return false;
        return true;
      };
      if (look()) return;
      const subscription = this.#actor.subscribe({
        next: () => look() && subscription.unsubscribe(),
        complete: () => reject(this.#noServer()),
      });
    });
  }

  /** Calls `listener` with each new state. Returns a function that removes the listener. */
  onState(listener: (state: LinkState) => void): () => void {
    let last = this.state;
    const subscription = this.#actor.subscribe(() => {
      if (this.state === last) return;
      last = this.state;
      listener(last);
    });
    return () => subscription.unsubscribe();
  }

  /** Connects at once if it has given up or is waiting before its next attempt. Does nothing once it is closed. */
  reconnect(): void {
    if (!this.#isClosed) this.#actor.send({ type: 'CONNECT' });
  }

  /** Rejects pending requests with CLIENT_CLOSED, and leaves no timer and no socket. Can be called twice. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#actor.send({ type: 'CLOSE' });
    this.#actor.stop();
  }

  #open(): void {
    this.#hasGivenUp = false;
    this.#attempt = systemClock.setTimeout(() => this.#lose(null), this.#options.timeout);
    try {
      this.#connection = openConnection({
        ...this.#options,
        opened: () => this.#ask('hello'),
        received: (bytes) => this.#receive(bytes),
        lost: (reason) => this.#lose(reason),
      });
    } catch (thrown) {
      this.#lose(asSupertreeError(thrown));
    }
  }

  #drop(): void {
    systemClock.clearTimeout(this.#attempt);
    this.#watch.stop();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #admit(): void {
    systemClock.clearTimeout(this.#attempt);
    this.#isReady = true;
    this.#reason = null;
    this.#connectedSince = Date.now();
    for (const request of this.#queue.values()) request.endWait();
    this.#pump();
  }

  #strand(): void {
    this.#isReady = false;
    this.#connectedSince = null;
    const stranded = this.#window.clear();
    const again = stranded.filter((request) => this.isOurs && request.repeatable && request.sends < MAX_SENDS);
    this.#queue = new Map([...again.map((request) => [request.id, request] as const), ...this.#queue]);
    for (const request of this.#queue.values()) request.wait(this.#options.patience, () => this.#noServer());
    for (const request of stranded) if (!again.includes(request)) request.reject(this.#noServer());
  }

  #giveUp(): void {
    this.#hasGivenUp = true;
    for (const request of [...this.#queue.values()]) request.reject(this.#noServer());
  }

  #lose(reason: SupertreeError | null): void {
    this.#reason = reason;
    this.#counts.errors++;
    this.#actor.send({ type: 'LOST', at: performance.now(), random: Math.random() });
  }

  #pump(): void {
    for (const [id, request] of this.#queue) {
      if (!this.#isReady || this.#window.isFull) return;
      this.#queue.delete(id);
      try {
        const bytes = request.encode();
        this.#window.add(request);
        request.sends++;
        this.#send(bytes);
      } catch (thrown) {
        request.reject(thrown);
      }
    }
  }

  #send(bytes: Buffer): void {
    this.#counts.messagesSent++;
    this.#counts.bytesSent += bytes.length;
    this.#connection?.send(bytes);
    if (this.isOurs) this.#watch.sent();
  }

  /** Sends a health request: every server of the agent protocol answers it. */
  #ask(purpose: 'hello' | 'probe'): void {
    const id = nanoid();
    if (purpose === 'hello') this.#hello = id;
    else this.#probe = id;
    this.#send(encode<'health_check_request'>({ type: 'health_check_request', request_id: id }));
  }

  #receive(bytes: Buffer): void {
    this.#counts.messagesReceived++;
    this.#counts.bytesReceived += bytes.length;
    this.#watch.received();
    const decoded = decodeAnswer(bytes);
    if (!decoded.ok) {
      this.#counts.errors++;
      this.#answered(decoded.requestId)?.reject(decoded.error);
      return;
    }
    const { message } = decoded;
    const id = 'request_id' in message ? message.request_id : '';
    const request = isInterim(message) ? this.#window.get(id) : this.#answered(id);
    if (request !== undefined) request.take(message);
    else if (id !== '' && id === this.#hello) this.#welcome(message);
    else if (id !== this.#probe) this.#counts.late++;
  }

  /** The pending request of an answer; `undefined` when it was abandoned. Either way it leaves the window. */
  #answered(id: string): PendingRequest | undefined {
    const request = this.#window.get(id);
    this.#window.remove(id);
    this.#pumpSoon();
    return request;
  }

  #welcome(message: Message<MessageType>): void {
    this.#hello = '';
    this.#greeting = greetingOf(message);
    this.#actor.send({ type: 'OPENED', at: performance.now() });
  }

  #done(id: string): void {
    this.#queue.delete(id);
    this.#window.abandon(id);
    this.#pumpSoon();
  }

  /**
   * Fills the window in a later turn, so that code that settles many requests at once finishes first: 1. an abort rejects one request after
   * another, 2. the first leaves the window, 3. without the delay the next queued one would be sent, although it is about to be rejected.
   */
  #pumpSoon(): void {
    if (this.#queue.size > 0) queueMicrotask(() => this.#pump());
  }

  #noServer(): SupertreeError {
    if (this.#isClosed) return new SupertreeError('CLIENT_CLOSED', { endpoint: this.endpoint });
    return this.#reason ?? new SupertreeError('NO_SERVER', { endpoint: this.endpoint });
  }

  #heldUp(): SupertreeError {
    const endpoint = `${this.endpoint} (this process did not read for so long that answers were dropped)`;
    return new SupertreeError('NO_SERVER', { endpoint });
  }
}
