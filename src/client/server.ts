import { nanoid } from 'nanoid';
import { SupertreeError } from '../errors.js';
import { OPERATIONS, type OperationName, type ParamsOf, type Progress, type ResultOf } from '../protocol/operations.js';
import { type AnswerTo, answerTo, errorOf, wantsKey } from './answers.js';
import { Link } from './link.js';
import type { LinkOptions } from './options.js';
import type { CallOptions, Interim, RequestDraft } from './requests.js';
import type { ClientSecurity } from './security.js';
import type { ServerOwner } from './socket-owner.js';

export interface RequestOptions {
  /** How long to wait, in ms. If not given, 30000; for what takes as long as the agent takes (start, stop, ...), for ever. */
  readonly timeout?: number | undefined;
  /** Called with each word about the running request. If not given, none are sent. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Called when the server has taken a request that takes its time; again after a reconnect. If not given, it is not asked for. */
  readonly onAccepted?: (() => void) | undefined;
  /** Ends the wait, not the work. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Requests of one client with the same key and content are done once. If not given, what starts, ends or adds something gets a key of its own,
   * so that it can be sent again after a lost connection, and the rest gets none.
   */
  readonly idempotencyKey?: string | undefined;
}

const REQUEST_TIMEOUT = 30_000;

/** One server as a client talks to it: with our own operations, or with the messages of the agent protocol. */
export class ServerLink {
  readonly link: Link;
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** Where to subscribe instead of where the server says; `null` for there. */
  readonly pubEndpoint: string | null;
  readonly #closing = new Set<() => void>();
  #isClosed = false;

  constructor(options: LinkOptions, pubEndpoint: string | null = null) {
    this.pubEndpoint = pubEndpoint;
    this.link = new Link(options);
    this.security = options.security;
    this.owner = options.owner;
  }

  get isOurs(): boolean {
    return this.link.isOurs;
  }

  /** One of our operations. Rejects as the server does; SERVER_FOREIGN for a server that knows none. */
  async request<N extends OperationName>(
    name: N,
    params: ParamsOf<N>,
    options: RequestOptions = {},
  ): Promise<ResultOf<N>> {
    if (this.link.state === 'connected' && !this.isOurs) {
      throw new SupertreeError('SERVER_FOREIGN', { endpoint: this.link.endpoint, operation: name });
    }
    const { waits, idempotency } = OPERATIONS[name];
    const { timeout = waits ? Number.POSITIVE_INFINITY : REQUEST_TIMEOUT, onProgress } = options;
    const key = options.idempotencyKey ?? (idempotency === 'automatic' ? nanoid() : null);
    const draft: RequestDraft<'tree_request'> = {
      type: 'tree_request',
      operation: name,
      params: { ...(params as Record<string, unknown>) },
      progress: onProgress !== undefined,
      idempotency_key: key,
    };
    const message = answerTo('tree_request', await this.link.request(draft, callOptions(name, timeout, options)));
    if (!message.success) throw errorOf(message);
    return message.data as ResultOf<N>;
  }

  /** Sends a message of the agent protocol and resolves with its answer, whether or not that tells of success. */
  async send<D extends RequestDraft>(draft: D, options: RequestOptions = {}): Promise<AnswerTo<D['type']>> {
    const key = options.idempotencyKey ?? (wantsKey(draft) ? nanoid() : undefined);
    const keyed = (key === undefined ? draft : { idempotency_key: key, ...draft }) as RequestDraft;
    const call = callOptions(draft.type, options.timeout ?? timeoutOf(draft), options);
    return answerTo<D['type']>(draft.type, await this.link.request(keyed, call));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls `listener` when this is closed; soon, when it was closed before. Returns the way to undo that. */
  onClose(listener: () => void): () => void {
    if (this.#isClosed) queueMicrotask(listener);
    this.#closing.add(listener);
    return () => this.#closing.delete(listener);
  }

  /** Can be called twice. */
  close(): void {
    this.#isClosed = true;
    for (const listener of [...this.#closing]) listener();
    this.link.close();
  }
}

/** More than the server is given, so that its own word about the time comes first. */
const GRACE = 2_000;

/** A time that the message itself gives replaces the usual one; a batch may take twice as long. */
function timeoutOf(draft: RequestDraft): number {
  if (draft.type === 'batch_control_command') return 2 * REQUEST_TIMEOUT;
  const seconds = 'timeout_secs' in draft ? (draft.timeout_secs ?? null) : null;
  return seconds === null ? REQUEST_TIMEOUT : seconds * 1000 + GRACE;
}

function callOptions(what: string, timeout: number, options: RequestOptions): CallOptions {
  const { onProgress, onAccepted, signal } = options;
  const onInterim = (interim: Interim) => {
    if (interim.type === 'accepted') onAccepted?.();
    else onProgress?.({ path: interim.path, state: interim.state, detail: interim.detail });
  };
  return { what, timeout, signal, onInterim, accepted: onAccepted !== undefined };
}
