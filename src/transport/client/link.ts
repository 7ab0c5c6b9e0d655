import { nanoid } from 'nanoid';
import { type Actor, createActor } from 'xstate';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import { linkMachine } from '../../machines/link.js';
import type { Backoff } from '../../model/spec.js';
import { decode, encode } from '../wire/decode.js';
import type { Message, MessageType } from '../wire/protocol.js';
import { type Connection, openConnection } from './connection.js';
import { type CallOptions, type RequestDraft, Ticket } from './requests.js';
import type { ClientSecurity } from './security.js';
import type { LinkState, LinkStatistics } from './statistics.js';

export interface LinkOptions {
  readonly endpoint: string;
  readonly security: ClientSecurity | null;
  /** How long a try may take until the server has answered, in ms. */
  readonly timeout: number;
  /** How many tries in a row may fail. */
  readonly attempts: number;
  /** How many requests may wait to be sent. */
  readonly queue: number;
  /** How long a request may wait for a connection, in ms. */
  readonly patience: number;
  /** How many requests may wait for their answers at once; more wait to be sent. */
  readonly window: number;
  /** A server that owes answers and is silent for so long is asked whether it is there, and then once more so long; in ms. */
  readonly idle: number;
}

const BACKOFF: Backoff = { initial: 100, factor: 2, max: 30_000, jitter: 0.5, resetAfter: 5_000 };

/** A request that broke so many connections is not sent again: it may be what breaks them. */
const MAX_SENDS = 10;

/**
 * A lasting link to one server, over any number of connections. Requests that are in flight when a connection breaks are sent again on the next one
 * when they carry an idempotency key and the server knows what that is; the others reject NO_SERVER. It begins to connect at once.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #actor: Actor<typeof linkMachine>;
  #queue = new Map<string, Ticket>();
  readonly #inFlight = new Map<string, Ticket>();
  readonly #counts = { messagesSent: 0, messagesReceived: 0, bytesSent: 0, bytesReceived: 0, errors: 0, late: 0 };
  #connection: Connection | undefined;
  #attempt: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isReady = false;
  #hasGivenUp = false;
  #reason: SupertreeError | null = null;
  #connectedSince: number | null = null;
  /** The question that a connection begins with, and the one that a silent server is asked. */
  #hello = '';
  #probe = '';
  #heard = 0;
  #isOurs = false;

  constructor(options: LinkOptions) {
    this.#options = options;
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

  /** True for a server that understands more than the agent protocol. Known once it was connected. */
  get isOurs(): boolean {
    return this.#isOurs;
  }

  /** How many requests are not answered. */
  get load(): number {
    return this.#queue.size + this.#inFlight.size;
  }

  get statistics(): LinkStatistics {
    return {
      endpoint: this.endpoint,
      state: this.state,
      ...this.#counts,
      reconnections: this.#actor.getSnapshot().context.reconnections,
      connectedSince: this.#connectedSince,
      queued: this.#queue.size,
      inFlight: this.#inFlight.size,
    };
  }

  /**
   * Sends a request and resolves with the answer, whatever it says. Rejects TIMEOUT; NO_SERVER when the connection is lost, or when
   * there is none for too long; QUEUE_FULL; MESSAGE_TOO_LARGE; with the signal's reason. An answer that comes after that is dropped.
   */
  async request(draft: RequestDraft, options: CallOptions): Promise<Message<MessageType>> {
    options.signal?.throwIfAborted();
    if (this.#hasGivenUp) throw this.#noServer();
    const limit = this.#options.queue;
    const mustWait = !this.#isReady || this.#inFlight.size >= this.#options.window;
    if (mustWait && this.#queue.size >= limit) throw new SupertreeError('QUEUE_FULL', { limit });
    const id = nanoid();
    const ticket = new Ticket(id, draft, options, () => this.#done(id));
    this.#queue.set(id, ticket);
    if (!this.#isReady) ticket.wait(this.#options.patience, () => this.#noServer());
    this.#pump();
    return ticket.answer;
  }

  /** Resolves when it is connected. Rejects when it has given up, and with `first` as soon as a try fails. */
  connected({ first = false }: { first?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): boolean => {
        const { state } = this;
        if (state === 'connected') resolve();
        else if (this.#hasGivenUp || (first && state !== 'connecting')) reject(this.#noServer());
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

  /** Calls `listener` with each new state. Returns the way to end that. */
  onState(listener: (state: LinkState) => void): () => void {
    let last = this.state;
    const subscription = this.#actor.subscribe(() => {
      if (this.state === last) return;
      last = this.state;
      listener(last);
    });
    return () => subscription.unsubscribe();
  }

  /** Tries again at once when it has given up. */
  reconnect(): void {
    this.#actor.send({ type: 'CONNECT' });
  }

  /** Rejects whatever is not answered, and leaves no timer and no socket. */
  close(): void {
    this.#actor.send({ type: 'CLOSE' });
    this.#actor.stop();
  }

  #open(): void {
    this.#hasGivenUp = false;
    this.#attempt = setTimeout(() => this.#lose(null), this.#options.timeout);
    try {
      this.#connection = openConnection({
        endpoint: this.endpoint,
        security: this.#options.security,
        opened: () => this.#ask('hello'),
        received: (bytes) => this.#receive(bytes),
        lost: (reason) => this.#lose(reason),
      });
    } catch (thrown) {
      this.#lose(asSupertreeError(thrown));
    }
  }

  #drop(): void {
    clearTimeout(this.#attempt);
    clearTimeout(this.#watch);
    this.#watch = undefined;
    this.#connection?.close();
    this.#connection = undefined;
  }

  #admit(): void {
    clearTimeout(this.#attempt);
    this.#isReady = true;
    this.#reason = null;
    this.#connectedSince = Date.now();
    for (const ticket of this.#queue.values()) ticket.endWait();
    this.#pump();
  }

  #strand(): void {
    this.#isReady = false;
    this.#connectedSince = null;
    const stranded = [...this.#inFlight.values()];
    this.#inFlight.clear();
    const again = stranded.filter((ticket) => this.#isOurs && ticket.repeatable && ticket.sends < MAX_SENDS);
    this.#queue = new Map([...again.map((ticket) => [ticket.id, ticket] as const), ...this.#queue]);
    for (const ticket of this.#queue.values()) ticket.wait(this.#options.patience, () => this.#noServer());
    for (const ticket of stranded) if (!again.includes(ticket)) ticket.reject(this.#noServer());
  }

  #giveUp(): void {
    this.#hasGivenUp = true;
    for (const ticket of [...this.#queue.values()]) ticket.reject(this.#noServer());
  }

  #lose(reason: SupertreeError | null): void {
    this.#reason = reason;
    this.#counts.errors++;
    this.#actor.send({ type: 'LOST', at: performance.now(), random: Math.random() });
  }

  #pump(): void {
    for (const [id, ticket] of this.#queue) {
      if (!this.#isReady || this.#inFlight.size >= this.#options.window) return;
      this.#queue.delete(id);
      this.#inFlight.set(id, ticket);
      ticket.sends++;
      try {
        this.#send(ticket.encode());
      } catch (thrown) {
        ticket.reject(thrown);
      }
    }
  }

  #send(bytes: Buffer): void {
    this.#counts.messagesSent++;
    this.#counts.bytesSent += bytes.length;
    this.#connection?.send(bytes);
    if (this.#watch !== undefined || !this.#isOurs || this.#options.idle === Number.POSITIVE_INFINITY) return;
    this.#heard = performance.now();
    this.#watch = setTimeout(() => this.#lookForSilence(), this.#options.idle);
  }

  /** A connection whose other end has vanished breaks only when TCP gives up, after many minutes. */
  #lookForSilence(): void {
    this.#watch = undefined;
    if (this.#inFlight.size === 0) return;
    const { idle } = this.#options;
    const left = idle - (performance.now() - this.#heard);
    if (left <= 0 && this.#probe !== '') return this.#lose(null);
    this.#watch = setTimeout(() => this.#lookForSilence(), left > 0 ? left : idle);
    if (left <= 0) this.#ask('probe');
  }

  /** Every server of the agent protocol answers this. */
  #ask(purpose: 'hello' | 'probe'): void {
    const id = nanoid();
    if (purpose === 'hello') this.#hello = id;
    else this.#probe = id;
    this.#send(encode<'health_check_request'>({ type: 'health_check_request', request_id: id }));
  }

  #receive(bytes: Buffer): void {
    this.#counts.messagesReceived++;
    this.#counts.bytesReceived += bytes.length;
    this.#heard = performance.now();
    const asked = this.#probe;
    this.#probe = '';
    const decoded = decode(bytes);
    if (!decoded.ok) {
      this.#counts.errors++;
      this.#inFlight.get(decoded.requestId)?.reject(decoded.error);
      return;
    }
    const { message } = decoded;
    const id = 'request_id' in message ? message.request_id : '';
    const ticket = this.#inFlight.get(id);
    if (ticket !== undefined) ticket.take(message);
    else if (id !== '' && id === this.#hello) this.#welcome(message);
    else if (id !== asked) this.#counts.late++;
  }

  #welcome(message: Message<MessageType>): void {
    this.#hello = '';
    const features = message.type === 'health_check_response' ? (message.metadata?.features ?? '') : '';
    // A refusal with a code is ours too: a key may be allowed to do something, and not to look.
    this.#isOurs = features.split(',').includes('tree_request') || ('code' in message && message.code !== null);
    this.#actor.send({ type: 'OPENED', at: performance.now() });
  }

  #done(id: string): void {
    this.#queue.delete(id);
    if (this.#inFlight.delete(id)) this.#pump();
  }

  #noServer(): SupertreeError {
    return this.#reason ?? new SupertreeError('NO_SERVER', { endpoint: this.endpoint });
  }
}
