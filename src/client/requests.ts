import { setMaxListeners } from 'node:events';
import { systemClock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import { encode } from '../protocol/decode.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';

/** The requests of the agent protocol, and ours. */
export type RequestType =
  | 'spawn_request'
  | 'control_command'
  | 'list_agents_request'
  | 'health_check_request'
  | 'custom_action_request'
  | 'batch_control_command'
  | 'output_query_request'
  | 'tree_request';

/** A request that is not numbered yet. */
export type RequestDraft<T extends RequestType = RequestType> = T extends RequestType
  ? Omit<Draft<T>, 'request_id' | 'deadline' | 'accepted'>
  : never;

/** What may come for a request before its answer. */
export type Interim = Message<'tree_progress'> | Message<'accepted'>;

export function isInterim(message: Message<MessageType>): message is Interim {
  return message.type === 'tree_progress' || message.type === 'accepted';
}

export interface CallOptions {
  /** What is asked for, in an error. */
  readonly what: string;
  /** How long to wait for the answer, in ms; Infinity for ever. */
  readonly timeout: number;
  /** Asks for words before the answer, and takes them. When it throws, the call rejects with that. */
  readonly onInterim?: ((interim: Interim) => void) | undefined;
  /** Also asks to be told when the request was taken. If not given, false. */
  readonly accepted?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One request on its way to an answer. It is settled once, whatever comes. */
export class Ticket {
  readonly answer: Promise<Message<MessageType>>;
  /** How often it was sent. */
  sends = 0;
  #resolve: (message: Message<MessageType>) => void = () => {};
  #reject: (reason: unknown) => void = () => {};
  readonly #due: number;
  readonly #draft: RequestDraft;
  readonly #options: CallOptions;
  #deadline: unknown;
  #patience: unknown;
  /** Why there is no connection; `null` while there is one. */
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
    this.#due = performance.now() + options.timeout;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#deadline = systemClock.setTimeout(() => this.reject(this.#late()), options.timeout);
    if (options.signal === undefined) return;
    this.#onAbort = () => this.reject(options.signal?.reason);
    // Any number of requests may hang on one signal; Node takes more than ten listeners for a leak.
    setMaxListeners(Number.POSITIVE_INFINITY, options.signal);
    options.signal.addEventListener('abort', this.#onAbort);
  }

  /** True when the server does it once however often it is sent. */
  get repeatable(): boolean {
    return 'idempotency_key' in this.#draft && typeof this.#draft.idempotency_key === 'string';
  }

  /** The request as it is to be sent now, with the time that is left for it. Throws why it is not to be sent any more; MESSAGE_TOO_LARGE. */
  encode(): Buffer {
    this.#options.signal?.throwIfAborted();
    const left = Math.ceil(this.#due - performance.now());
    if (left <= 0) throw this.#late();
    const message = {
      ...this.#draft,
      request_id: this.id,
      ...(Number.isFinite(left) && { deadline: left }),
      ...(this.#options.accepted && { accepted: true }),
    };
    return encode(message as Draft<RequestType>);
  }

  /** Rejects with `reason` after `ms` unless `endWait` comes before: how long it may stay without a connection. */
  wait(ms: number, reason: () => SupertreeError): void {
    systemClock.clearTimeout(this.#patience);
    this.#whyAway = reason;
    this.#patience = systemClock.setTimeout(() => this.reject(reason()), ms);
  }

  endWait(): void {
    systemClock.clearTimeout(this.#patience);
    this.#whyAway = null;
  }

  /** Takes in what came for it. */
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
    systemClock.clearTimeout(this.#deadline);
    systemClock.clearTimeout(this.#patience);
    if (this.#onAbort !== undefined) this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.done();
    settle();
  }

  /** What was never sent, because there was no connection, does not go on anywhere. */
  #late(): SupertreeError {
    if (this.#whyAway !== null && this.sends === 0) return this.#whyAway();
    return new SupertreeError('TIMEOUT', { what: this.#options.what, timeout: this.#options.timeout });
  }
}
