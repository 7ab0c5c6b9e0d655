import { createHash } from 'node:crypto';
import { asSupertreeError, type ErrorCode, SupertreeError } from '../errors.js';
import { pack } from '../protocol/codec.js';
import { isMap } from '../protocol/kinds.js';

export interface KeyBounds {
  /** The most keys of one peer that are remembered; with one more the least recently used one is forgotten. */
  readonly max: number;
  /** How long a key is remembered after its request was answered, in ms. */
  readonly keep: number;
  /** The most bytes of memory of all remembered keys, `OVERHEAD` for each; one peer may use a quarter of them. */
  readonly bytes: number;
}

/** Ten minutes: how long a client may need to reach its server again. */
export const KEPT_FOR = 600_000;

/** The number of peers that can use their full share at the same time. With more, the peer that uses most loses answers. */
const SHARES = 4;

/** The memory of one key besides the bytes of its answer: the decoded answer, two promises, the entries of two maps. */
const OVERHEAD = 2048;

/** An answer with its size. */
export interface SizedAnswer<T> {
  readonly answer: T;
  readonly bytes: number;
}

interface Entry<T> {
  readonly content: string;
  readonly result: Promise<SizedAnswer<T>>;
}

interface Kept<T> extends Entry<T> {
  readonly endedAt: number;
  readonly bytes: number;
}

/** The keys of one peer. */
class PeerKeys<T> {
  /** Running requests. They are never forgotten: a repetition would be carried out again. */
  readonly running = new Map<string, Entry<T>>();
  /** Answered requests, the least recently used first. */
  readonly kept = new Map<string, Kept<T>>();
  /** The size of the kept answers. */
  bytes = 0;

  keep(key: string, entry: Kept<T>): void {
    this.kept.set(key, entry);
    this.bytes += entry.bytes;
  }

  /** Forgets an answer. If no key is given, the least recently used one. */
  forget(key: string | undefined = this.kept.keys().next().value): void {
    const entry = key === undefined ? undefined : this.kept.get(key);
    if (key === undefined || entry === undefined) return;
    this.kept.delete(key);
    this.bytes -= entry.bytes;
  }
}

/** Carries out each request with an idempotency key once. Keys belong to the peer that chose them; the keys of a peer never displace those of one with fewer. */
export class IdempotencyKeys<T> {
  readonly #bounds: KeyBounds;
  readonly #now: () => number;
  /** By the owner of the keys, so that a peer is the same after a reconnect. */
  readonly #peers = new Map<string, PeerKeys<T>>();
  #sweepAt = 0;

  constructor(bounds: KeyBounds, now: () => number = () => performance.now()) {
    this.#bounds = bounds;
    this.#now = now;
  }

  /** The number of remembered keys. */
  get size(): number {
    return this.#sum(({ running, kept }) => running.size + kept.size);
  }

  /**
   * The outcome of `work`, or of the earlier request of this peer with this key, which may still run. Rejects as that one did; KEY_REUSED when its content
   * was different; TOO_MANY_REQUESTS when as many requests of this peer with keys are running as are remembered. An error that means that nothing was done,
   * and that may not occur again, is not remembered.
   */
  async once(name: string, key: string, content: string, work: () => Promise<SizedAnswer<T>>): Promise<T> {
    const peer = this.#peers.get(name) ?? new PeerKeys<T>();
    this.#peers.set(name, peer);
    const known = peer.running.get(key) ?? this.#recall(peer, key);
    if (known !== undefined && known.content !== content) throw new SupertreeError('KEY_REUSED', { key });
    const entry = known ?? this.#begin(peer, key, content, work);
    return (await entry.result).answer;
  }

  /** Returns the answer and marks it as the most recently used. */
  #recall(peer: PeerKeys<T>, key: string): Kept<T> | undefined {
    const entry = peer.kept.get(key);
    if (entry === undefined) return undefined;
    peer.forget(key);
    if (this.#isOld(entry)) return undefined;
    peer.keep(key, entry);
    return entry;
  }

  #begin(peer: PeerKeys<T>, key: string, content: string, work: () => Promise<SizedAnswer<T>>): Entry<T> {
    this.#makeRoom(peer);
    const entry: Entry<T> = { content, result: work() };
    peer.running.set(key, entry);
    const end = (bytes: number) => this.#end(peer, key, entry, bytes);
    entry.result.then(
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

  /** Rarely needed: an answer that is too old is not returned anyway. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + this.#bounds.keep / 10;
    for (const peer of this.#peers.values()) {
      for (const [key, entry] of peer.kept) if (this.#isOld(entry)) peer.forget(key);
    }
  }

  /** Forgets answers of the peer with the largest share until the sum is within the limit. */
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

/** Identifies the content of a request regardless of the order of its keys, without revealing it. */
export function contentOf(request: object): string {
  return createHash('sha256')
    .update(pack(sorted(request)))
    .digest('base64');
}

/** Errors that mean that nothing was done, and that a repetition may not meet. */
const TRANSIENT_REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['FORBIDDEN', 'AGENT_LIMIT', 'TREE_NOT_STARTED']);

function mayChange(thrown: unknown): boolean {
  return TRANSIENT_REFUSALS.has(asSupertreeError(thrown).code);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isMap(value)) return value;
  const names = Object.keys(value).sort();
  return names.map((name) => [name, sorted(value[name])]);
}
