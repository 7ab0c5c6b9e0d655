import { createHash } from 'node:crypto';
import { asSupertreeError, type ErrorCode, SupertreeError } from '../errors.js';
import { pack } from '../protocol/codec.js';
import { isMap } from '../protocol/kinds.js';

export interface KeyBounds {
  /** How many keys of one peer are remembered; beyond it the one of its own that was asked for longest ago is forgotten. */
  readonly max: number;
  /** How long a key is remembered after its request was answered, in ms. */
  readonly keep: number;
  /** Bytes of memory of all keys that are remembered, `OVERHEAD` for each; one peer may have a quarter of them. */
  readonly bytes: number;
}

/** Ten minutes, as long as a client may have to look for its server. */
export const KEPT_FOR = 600_000;

/** So many peers may have as much as one may, beside each other. When there are more, the one that has most gives way. */
const SHARES = 4;

/** Memory of one key besides the bytes of its answer: the decoded answer, two promises, the entries of two maps. */
const OVERHEAD = 2048;

/** An answer with its size. */
export interface Outcome<T> {
  readonly answer: T;
  readonly bytes: number;
}

interface Entry<T> {
  readonly content: string;
  readonly outcome: Promise<Outcome<T>>;
}

interface Kept<T> extends Entry<T> {
  readonly endedAt: number;
  readonly bytes: number;
}

/** The keys of one peer. */
class PeerKeys<T> {
  /** What is not answered yet. It is never forgotten: it would be done twice. */
  readonly running = new Map<string, Entry<T>>();
  /** What is answered. The first is the one that was asked for longest ago. */
  readonly kept = new Map<string, Kept<T>>();
  /** Of what is answered. */
  bytes = 0;

  keep(key: string, entry: Kept<T>): void {
    this.kept.set(key, entry);
    this.bytes += entry.bytes;
  }

  /** Forgets an answer. If no key is given, the one that was asked for longest ago. */
  forget(key: string | undefined = this.kept.keys().next().value): void {
    const entry = key === undefined ? undefined : this.kept.get(key);
    if (key === undefined || entry === undefined) return;
    this.kept.delete(key);
    this.bytes -= entry.bytes;
  }
}

/** Does each request that carries an idempotency key once. Keys belong to the peer that chose them, and make none forgotten of another one that has fewer. */
export class IdempotencyKeys<T> {
  readonly #bounds: KeyBounds;
  readonly #now: () => number;
  /** By the name of the peer, so that a peer is the same after a reconnect. */
  readonly #peers = new Map<string, PeerKeys<T>>();
  #sweepAt = 0;

  constructor(bounds: KeyBounds, now: () => number = () => performance.now()) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#sum(({ running, kept }) => running.size + kept.size);
  }

  /**
   * The outcome of `work`, or that of the request that came from this peer with this key before, which may still run. Rejects as it did;
   * KEY_REUSED when it had another content; TOO_MANY_REQUESTS when as many requests of this peer with keys are running as are remembered.
   * An error that says that nothing was done, and may be another one the next time, is not remembered.
   */
  async once(name: string, key: string, content: string, work: () => Promise<Outcome<T>>): Promise<T> {
    const peer = this.#peers.get(name) ?? new PeerKeys<T>();
    this.#peers.set(name, peer);
    const known = peer.running.get(key) ?? this.#recall(peer, key);
    if (known !== undefined && known.content !== content) throw new SupertreeError('KEY_REUSED', { key });
    const entry = known ?? this.#begin(peer, key, content, work);
    return (await entry.outcome).answer;
  }

  /** The answer, from now on the one that was asked for last. */
  #recall(peer: PeerKeys<T>, key: string): Kept<T> | undefined {
    const entry = peer.kept.get(key);
    if (entry === undefined) return undefined;
    peer.forget(key);
    if (this.#isOld(entry)) return undefined;
    peer.keep(key, entry);
    return entry;
  }

  #begin(peer: PeerKeys<T>, key: string, content: string, work: () => Promise<Outcome<T>>): Entry<T> {
    this.#makeRoom(peer);
    const entry: Entry<T> = { content, outcome: work() };
    peer.running.set(key, entry);
    const end = (bytes: number) => this.#end(peer, key, entry, bytes);
    entry.outcome.then(
      ({ bytes }) => end(bytes),
      (thrown) => (mayChange(thrown) ? peer.running.delete(key) : end(0)),
    );
    return entry;
  }

  #end(peer: PeerKeys<T>, key: string, entry: Entry<T>, bytes: number): void {
    peer.running.delete(key);
    peer.keep(key, { ...entry, endedAt: this.#now(), bytes: OVERHEAD + bytes + key.length });
    while (peer.bytes > this.#bounds.bytes / SHARES) peer.forget();
    this.#trim(({ bytes }) => bytes, this.#bounds.bytes);
    this.#trim(({ kept }) => kept.size, this.#bounds.max * SHARES);
  }

  #makeRoom(peer: PeerKeys<T>): void {
    this.#sweep(this.#now());
    const { max } = this.#bounds;
    const count = peer.running.size;
    if (count + peer.kept.size < max) return;
    if (count < max) return peer.forget();
    const what = 'requests with an idempotency key';
    throw new SupertreeError('TOO_MANY_REQUESTS', { count, what, max, limit: 'limits.idempotency_keys' });
  }

  /** Only now and then: what is too old is given to nobody. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + this.#bounds.keep / 10;
    for (const peer of this.#peers.values()) {
      for (const [key, entry] of peer.kept) if (this.#isOld(entry)) peer.forget(key);
    }
  }

  /** Whoever has most of what there is too much of gives way. */
  #trim(weigh: (peer: PeerKeys<T>) => number, most: number): void {
    while (this.#sum(weigh) > most) {
      const [greatest] = [...this.#peers.values()].sort((a, b) => weigh(b) - weigh(a));
      greatest?.forget();
    }
  }

  #sum(weigh: (peer: PeerKeys<T>) => number): number {
    let sum = 0;
    for (const peer of this.#peers.values()) sum += weigh(peer);
    return sum;
  }

  #isOld({ endedAt }: Kept<T>): boolean {
    return this.#now() - endedAt >= this.#bounds.keep;
  }
}

/** What makes two requests the same, whatever the order of their keys. It shows nothing of what is in them. */
export function contentOf(request: object): string {
  return createHash('sha256')
    .update(pack(sorted(request)))
    .digest('base64');
}

/** Errors that say that nothing was done, of which another try may not meet the same. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['FORBIDDEN', 'AGENT_LIMIT', 'TREE_NOT_STARTED']);

function mayChange(thrown: unknown): boolean {
  return PASSING.has(asSupertreeError(thrown).code);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  const names = Object.keys(value).sort();
  return names.map((name) => [name, sorted(value[name])]);
}
