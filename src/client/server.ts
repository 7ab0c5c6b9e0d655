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
  /** How long to wait, in ms. If not given, 30000; Infinity for operations that last as long as the agent takes (start, stop, ...). */
  readonly timeout?: number | undefined;
  /** Called with each progress message of the running request. If not given, none are sent. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Called when the server has accepted a request that takes long; again after a reconnect. If not given, the server is not asked for that. */
  readonly onAccepted?: (() => void) | undefined;
  /** An abort ends the wait. The request itself is not cancelled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Requests of one client with the same key and content are carried out once. If not given, a request that starts, ends or adds something gets a
   * generated key, so that it can be sent again after a lost connection; other requests get none.
   */
  readonly idempotencyKey?: string | undefined;
}

const REQUEST_TIMEOUT = 30_000;

/** One server as a client sees it: it sends operations of supertree, or messages of the agent protocol. */
export class ServerLink {
  readonly link: Link;
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** The endpoint to subscribe at; `null` for the one that the server names. */
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

  /** Sends an operation of supertree. Rejects with the server's error; SERVER_FOREIGN for a server that knows no operations. */
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

  /** Sends a message of the agent protocol and resolves with its answer, also when that reports a failure. */
  async send<D extends RequestDraft>(draft: D, options: RequestOptions = {}): Promise<AnswerTo<D['type']>> {
    const key = options.idempotencyKey ?? (wantsKey(draft) ? nanoid() : undefined);
    const keyed = (key === undefined ? draft : { idempotency_key: key, ...draft }) as RequestDraft;
    const call = callOptions(draft.type, options.timeout ?? timeoutOf(draft), options);
    return answerTo<D['type']>(draft.type, await this.link.request(keyed, call));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls `listener` when this is closed, or in a later turn if it is closed already. Returns a function that removes the listener. */
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

/** The client waits longer than the server, in ms, so that the server's own DEADLINE arrives first. */
const GRACE = 2_000;

/** A time in the message itself replaces the usual one; a batch may take twice as long. */
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
