import { createHash } from 'node:crypto';
import { asSupertreeError, type ErrorCode, SupertreeError } from '../../errors.js';
import { pack } from '../wire/codec.js';
import { isMap } from '../wire/kinds.js';

export interface KeyBounds {
  /** How many keys are remembered; beyond it the one that was asked for longest ago is forgotten. */
  readonly max: number;
  /** How long a key is remembered after its request was answered, in ms. */
  readonly keep: number;
  /** Bytes of all answers that are remembered. */
  readonly bytes: number;
}

/** Ten minutes, as long as a client may have to look for its server. */
export const KEPT_FOR = 600_000;

/** An answer with what it weighs. */
export interface Outcome<T> {
  readonly answer: T;
  readonly bytes: number;
}

interface Entry<T> {
  readonly content: string;
  readonly outcome: Promise<Outcome<T>>;
  /** `null` while it runs. */
  endedAt: number | null;
  bytes: number;
}

/** Does each request that carries an idempotency key once. */
export class IdempotencyKeys<T> {
  readonly #bounds: KeyBounds;
  readonly #now: () => number;
  /** The first is the one that was asked for longest ago. */
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;

  constructor(bounds: KeyBounds, now: () => number = () => performance.now()) {
    this.#bounds = bounds;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * The outcome of `work`, or that of the request that came with this key before, which may still run. Rejects as it did;
   * KEY_REUSED when it had another content; TOO_MANY_REQUESTS when as many requests with keys are running as are remembered.
   * An error that says that nothing was done, and may be another one the next time, is not remembered.
   */
  async once(key: string, content: string, work: () => Promise<Outcome<T>>): Promise<T> {
    const known = this.#find(key);
    if (known !== undefined && known.content !== content) throw new SupertreeError('KEY_REUSED', { key: nameOf(key) });
    const entry = known ?? this.#begin(key, content, work);
    return (await entry.outcome).answer;
  }

  #find(key: string): Entry<T> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#forget(key, entry);
    if (entry.endedAt !== null && this.#now() - entry.endedAt >= this.#bounds.keep) return undefined;
    this.#remember(key, entry);
    return entry;
  }

  #begin(key: string, content: string, work: () => Promise<Outcome<T>>): Entry<T> {
    this.#makeRoom();
    const entry: Entry<T> = { content, outcome: work(), endedAt: null, bytes: content.length + key.length };
    this.#remember(key, entry);
    entry.outcome.then(
      ({ bytes }) => this.#end(key, entry, bytes),
      (thrown) => (mayChange(thrown) ? this.#drop(key, entry) : this.#end(key, entry, 0)),
    );
    return entry;
  }

  #end(key: string, entry: Entry<T>, bytes: number): void {
    entry.endedAt = this.#now();
    if (this.#entries.get(key) !== entry) return;
    entry.bytes += bytes;
    this.#bytes += bytes;
    for (const [each, other] of this.#entries) {
      if (this.#bytes <= this.#bounds.bytes) return;
      if (other.endedAt !== null) this.#forget(each, other);
    }
  }

  #drop(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#forget(key, entry);
  }

  /** A request that runs is never forgotten: it would be done twice. */
  #makeRoom(): void {
    const oldest = this.#now() - this.#bounds.keep;
    for (const [key, entry] of this.#entries) {
      const isOld = entry.endedAt !== null && entry.endedAt <= oldest;
      if (!isOld && this.#entries.size < this.#bounds.max) return;
      if (entry.endedAt !== null) this.#forget(key, entry);
    }
    if (this.#entries.size < this.#bounds.max) return;
    const details = { count: this.#entries.size, what: 'requests with an idempotency key', max: this.#bounds.max };
    throw new SupertreeError('TOO_MANY_REQUESTS', { ...details, limit: 'limits.idempotency_keys' });
  }

  #remember(key: string, entry: Entry<T>): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
  }

  #forget(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

/** A key in the space of one peer's name: the same after a reconnect, and none of another one's. */
export function keyOf(peer: string, key: string): string {
  return `${peer}\0${key}`;
}

/** What makes two requests the same, whatever the order of their keys. It shows nothing of what is in them. */
export function contentOf(request: object): string {
  return createHash('sha256')
    .update(pack(sorted(request)))
    .digest('base64');
}

function nameOf(key: string): string {
  return key.slice(key.indexOf('\0') + 1);
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
