import type { Tree } from '../contract/view.js';
import type { Actions } from '../control/actions.js';
import { answer } from '../control/answer.js';
import { createControl, type SpawnPlan } from '../control/control.js';
import { DEFAULT_LIMITS, type Limits } from '../control/limits.js';
import { IN_PROCESS_ENDPOINT, localContext } from '../control/request-context.js';
import { SupertreeError } from '../errors.js';
import { decode, encode } from '../protocol/decode.js';
import type { AgentConfig, Draft, Message, MessageType } from '../protocol/protocol.js';
import { FairQueue } from '../transport/fair-queue.js';
import { InProcessTopics } from './in-process-topics.js';

export interface InProcessOptions {
  /** If not given, 1000. */
  readonly maxAgents?: number;
  /** The limits for one peer. If not given, the defaults of a server. */
  readonly limits?: Partial<Limits>;
  /** If not given, only the built-in actions. */
  readonly actions?: Actions;
  /** Turns the configuration of a `spawn_request` into a command. If not given, every backend is unknown. */
  readonly plan?: (config: AgentConfig) => SpawnPlan;
  /** Called with errors that belong to no caller. If not given, they are thrown as uncaught errors. */
  readonly failed?: (thrown: unknown) => void;
}

/** One client, the equivalent of a connection from a DEALER socket. */
export interface InProcessPeer {
  /** Sends a copy of one message. Never throws, never waits; after `close` it does nothing. */
  send(bytes: Uint8Array): void;
  /** The next answer or interim message, in the order of sending. Rejects NO_SERVER once it is closed. */
  receive(): Promise<Buffer>;
  /** Sends a message and resolves with the answer of the same request id; interim messages are dropped. Not to be mixed with `receive`. */
  ask<T extends MessageType>(message: Draft<T> & { readonly request_id: string }): Promise<Message<MessageType>>;
  /** Drops messages that were not received, and rejects pending calls with NO_SERVER. */
  close(): void;
}

/** A server and any number of clients in one program, without sockets: the same messages, the same answers, the same limits. */
export interface InProcessTransport {
  connect(): InProcessPeer;
  /**
   * Calls `listener` with every frame that begins with `topic`: an agent's uuid for its output and states, `events` for the events of the tree. Returns
   * a function that ends the subscription.
   */
  subscribe(topic: string, listener: (frame: Buffer) => void): () => void;
  /** Closes every peer. The tree is not stopped. */
  close(): void;
}

/** Serves a tree to clients in the same program. Every message is encoded and decoded, as on a socket. */
export function createInProcessTransport(tree: Tree, options: InProcessOptions = {}): InProcessTransport {
  return new Transport(tree, options);
}

class Transport implements InProcessTransport {
  readonly #topics = new InProcessTopics();
  readonly #control;
  readonly #queue;
  readonly #peers = new Set<Peer>();
  readonly #failed: (thrown: unknown) => void;
  #serial = 0;

  constructor(tree: Tree, options: InProcessOptions) {
    this.#failed = options.failed ?? ((thrown) => queueMicrotask(() => Promise.reject(thrown)));
    this.#control = createControl({
      tree,
      serverId: 'server-in-process',
      version: 'in-process',
      endpoints: () => [IN_PROCESS_ENDPOINT],
      pubEndpoints: [],
      topics: this.#topics,
      maxAgents: options.maxAgents ?? 1000,
      plan: options.plan ?? refuse,
      failed: this.#failed,
      ...(options.limits && { limits: options.limits }),
      ...(options.actions && { actions: options.actions }),
    });
    this.#queue = new FairQueue({ ...DEFAULT_LIMITS, ...options.limits });
  }

  connect(): InProcessPeer {
    const name = String(++this.#serial);
    const peer: Peer = new Peer(
      (bytes) => this.#take(name, peer, bytes),
      () => this.#peers.delete(peer),
    );
    this.#peers.add(peer);
    return peer;
  }

  subscribe(topic: string, listener: (frame: Buffer) => void): () => void {
    return this.#topics.subscribe(topic, listener);
  }

  close(): void {
    this.#queue.close();
    this.#control.close();
    for (const peer of [...this.#peers]) peer.close();
  }

  /** A message arrives in a later turn, as from a socket. */
  #take(name: string, peer: Peer, bytes: Buffer): void {
    const receivedAt = performance.now();
    const work = async (refused: SupertreeError | null) => {
      const context = { ...localContext(), receivedAt, refused };
      try {
        peer.deliver(await answer(this.#control, bytes, (word) => peer.deliver(word), context));
      } catch (thrown) {
        this.#failed(thrown);
      }
    };
    const source = { group: IN_PROCESS_ENDPOINT, owner: name, connection: name, answers: { isBlocked: () => false } };
    setImmediate(() => {
      const refused = this.#queue.enter(source, bytes.length, () => work(null));
      if (refused !== null) void work(refused);
    });
  }
}

interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

class Peer implements InProcessPeer {
  readonly #out: (bytes: Buffer) => void;
  readonly #closed: () => void;
  readonly #arrived: Buffer[] = [];
  readonly #waiting: Settle<Buffer>[] = [];
  readonly #asked = new Map<string, Settle<Message<MessageType>>>();
  #over = false;

  constructor(out: (bytes: Buffer) => void, closed: () => void) {
    this.#out = out;
    this.#closed = closed;
  }

  send(bytes: Uint8Array): void {
    if (!this.#over) this.#out(Buffer.from(bytes));
  }

  receive(): Promise<Buffer> {
    const next = this.#arrived.shift();
    if (next !== undefined) return Promise.resolve(next);
    if (this.#over) return Promise.reject(gone());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  ask<T extends MessageType>(message: Draft<T> & { readonly request_id: string }): Promise<Message<MessageType>> {
    if (this.#over) return Promise.reject(gone());
    return new Promise((resolve, reject) => {
      this.#asked.set(message.request_id, { resolve, reject });
      this.send(encode(message));
    });
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#arrived.length = 0;
    for (const { reject } of [...this.#waiting.splice(0), ...this.#asked.values()]) reject(gone());
    this.#closed();
  }

  deliver(bytes: Buffer): void {
    if (this.#over || this.#settles(bytes)) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(bytes);
    else waiting.resolve(bytes);
  }

  /** True for the answer, or an interim message, of a call of `ask`. */
  #settles(bytes: Buffer): boolean {
    if (this.#asked.size === 0) return false;
    const decoded = decode(bytes);
    if (!decoded.ok || !('request_id' in decoded.message)) return false;
    const { request_id: id, type } = decoded.message;
    const asked = this.#asked.get(id);
    if (asked === undefined) return false;
    if (type === 'accepted' || type === 'tree_progress') return true;
    this.#asked.delete(id);
    asked.resolve(decoded.message);
    return true;
  }
}

function refuse({ model_backend: backend }: AgentConfig): never {
  throw new SupertreeError('BACKEND_UNKNOWN', { backend });
}

function gone(): SupertreeError {
  return new SupertreeError('NO_SERVER', { endpoint: IN_PROCESS_ENDPOINT });
}
