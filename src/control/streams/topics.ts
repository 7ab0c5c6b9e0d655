/** Publishes documents by topic. */
export interface Topics {
  /** True when the topic has a subscriber. */
  hasSubscriber(topic: string): boolean;
  /** Publishes a document under a topic; `make` is called only if there is a subscriber. Never throws because of a subscriber, never waits for one. */
  publish(topic: string, make: () => Uint8Array): void;
  /** Calls `listener` with each new subscription, even if another peer has the same one. Returns a function that removes the listener. */
  onSubscribed(listener: (subscription: string) => void): () => void;
}

/** The topics of a server that publishes nothing. */
export const NO_TOPICS: Topics = {
  hasSubscriber: () => false,
  publish: () => {},
  onSubscribed: () => () => {},
};

/**
 * The subscriptions of peers. A subscription is a prefix of messages: of a topic, of a topic with its zero byte, or even of the document after it. The cost
 * of a lookup depends on the number of different lengths, not on the number of subscriptions.
 */
export class Subscriptions {
  /** An XPUB socket reports each new subscription, and of equal ones only the end of the last. */
  readonly #held = new Set<string>();
  /** The number of subscriptions for each topic or prefix. One that reaches into the document counts for its topic with the zero byte. */
  readonly #counts = new Map<string, number>();
  /** The number of subscriptions of each length. */
  readonly #lengths = new Map<number, number>();
  #bytes = 0;

  get size(): number {
    return this.#held.size;
  }

  /** The bytes of all subscriptions. */
  get bytes(): number {
    return this.#bytes;
  }

  add(subscription: string): void {
    if (this.#held.has(subscription)) return;
    this.#held.add(subscription);
    this.#bytes += subscription.length;
    const key = keyOf(subscription);
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    if (count === 0) this.#lengths.set(key.length, (this.#lengths.get(key.length) ?? 0) + 1);
  }

  delete(subscription: string): void {
    if (!this.#held.delete(subscription)) return;
    this.#bytes -= subscription.length;
    const key = keyOf(subscription);
    const count = this.#counts.get(key) ?? 1;
    if (count > 1) this.#counts.set(key, count - 1);
    else {
      this.#counts.delete(key);
      const left = (this.#lengths.get(key.length) ?? 1) - 1;
      if (left === 0) this.#lengths.delete(key.length);
      else this.#lengths.set(key.length, left);
    }
  }

  covers(topic: string): boolean {
    if (this.#held.size === 0) return false;
    const whole = `${topic}\0`;
    for (const length of this.#lengths.keys()) {
      if (length <= whole.length && this.#counts.has(whole.slice(0, length))) return true;
    }
    return false;
  }
}

function keyOf(subscription: string): string {
  const end = subscription.indexOf('\0');
  return end < 0 ? subscription : subscription.slice(0, end + 1);
}
