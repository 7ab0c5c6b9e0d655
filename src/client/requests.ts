import { setMaxListeners } from 'node:events';
import { systemClock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import { encode } from '../protocol/decode.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';

/** The requests of the agent protocol, and the additions of supertree. */
export type RequestType =
  | 'spawn_request'
  | 'control_command'
  | 'list_agents_request'
  | 'health_check_request'
  | 'custom_action_request'
  | 'batch_control_command'
  | 'output_query_request'
  | 'tree_request';

/** A request without a number. */
export type RequestDraft<T extends RequestType = RequestType> = T extends RequestType
  ? Omit<Draft<T>, 'request_id' | 'deadline' | 'accepted'>
  : never;

/** The messages that may come for a request before its answer. */
export type Interim = Message<'tree_progress'> | Message<'accepted'>;

export function isInterim(message: Message<MessageType>): message is Interim {
  return message.type === 'tree_progress' || message.type === 'accepted';
}

export interface CallOptions {
  /** The request as an error names it. */
  readonly what: string;
  /** How long to wait for the answer, in ms; Infinity for ever. */
  readonly timeout: number;
  /** Asks for interim messages and receives them. When it throws, the call rejects with its error. */
  readonly onInterim?: ((interim: Interim) => void) | undefined;
  /** Also asks for a message when the server has accepted the request. If not given, false. */
  readonly accepted?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One request until its answer. It is settled once; later messages are ignored. */
export class PendingRequest {
  readonly answer: Promise<Message<MessageType>>;
  /** How often it was sent. */
  sends = 0;
  #resolve: (message: Message<MessageType>) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  readonly #deadline: number;
  readonly #draft: RequestDraft;
  readonly #options: CallOptions;
  #timer: unknown;
  #patience: unknown;
  /** Makes the error for a missing connection; `null` while there is a connection. */
  #whyAway: (() => SupertreeError) | null = null;
  #onAbort: (() => void) | undefined;

  /** `done` is called when it is settled. */
  constructor(
    readonly id: string,
    draft: RequestDraft,
    options: CallOptions,
    readonly done: () => void,
  ) {
    this.#draft = draft;
    this.#options = options;
    this.#deadline = performance.now() + options.timeout;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#timer = systemClock.setTimeout(() => this.reject(this.#late()), options.timeout);
    if (options.signal === undefined) return;
    this.#onAbort = () => this.reject(options.signal?.reason);
    // Any number of requests may listen on one signal; Node warns of a leak above ten listeners.
    setMaxListeners(Number.POSITIVE_INFINITY, options.signal);
    options.signal.addEventListener('abort', this.#onAbort);
  }

  /** True when the server carries it out once, however often it is sent. */
  get repeatable(): boolean {
    return 'idempotency_key' in this.#draft && typeof this.#draft.idempotency_key === 'string';
  }

  /** The request as a message, with the time that is left for it. Throws the reason why it must not be sent; MESSAGE_TOO_LARGE. */
  encode(): Buffer {
    this.#options.signal?.throwIfAborted();
    const left = Math.ceil(this.#deadline - performance.now());
    if (left <= 0) throw this.#late();
    const message = {
      ...this.#draft,
      request_id: this.id,
      ...(Number.isFinite(left) && { deadline: left }),
      ...(this.#options.accepted && { accepted: true }),
    };
    return encode(message as Draft<RequestType>);
  }

  /** Rejects with `reason` after `ms` without a connection, unless `endWait` is called before. */
  wait(ms: number, reason: () => SupertreeError): void {
    systemClock.clearTimeout(this.#patience);
    this.#whyAway = reason;
    this.#patience = systemClock.setTimeout(() => this.reject(reason()), ms);
  }

  endWait(): void {
    systemClock.clearTimeout(this.#patience);
    this.#whyAway = null;
  }

  /** Handles a message for this request. */
  take(message: Message<MessageType>): void {
    if (!isInterim(message)) return this.#settle(() => this.#resolve(message));
    try {
      this.#options.onInterim?.(message);
    } catch (thrown) {
      this.reject(thrown);
    }
  }

  reject(reason: unknown): void {
    this.#settle(() => this.#reject(reason));
  }

  #settle(settle: () => void): void {
    systemClock.clearTimeout(this.#timer);
    systemClock.clearTimeout(this.#patience);
    if (this.#onAbort !== undefined) this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.done();
    settle();
  }

  /** The error of a missed deadline. NO_SERVER for a request that was never sent: nothing of it goes on at the server. */
  #late(): SupertreeError {
    if (this.#whyAway !== null && this.sends === 0) return this.#whyAway();
    return new SupertreeError('TIMEOUT', { what: this.#options.what, timeout: this.#options.timeout });
  }
}
