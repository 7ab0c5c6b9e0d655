/** Where documents are published, by topic. */
export interface Topics {
  /** True when somebody subscribed to the topic. */
  hasSubscriber(topic: string): boolean;
  /** Publishes a document under a topic; `make` is called only when there is a subscriber. Never throws because of one, never waits for one. */
  publish(topic: string, make: () => Uint8Array): void;
  /** Calls `listener` with each subscription that begins, also with one that others have already. Returns the function that ends that. */
  onSubscribed(listener: (subscription: string) => void): () => void;
}

/** A server that publishes nowhere. */
export const NO_TOPICS: Topics = {
  hasSubscriber: () => false,
  publish: () => {},
  onSubscribed: () => () => {},
};

/**
 * What peers subscribe to: the beginning of a message, so of a topic, of a topic with its zero byte, or even of the document behind it.
 * A look-up costs as much as there are lengths of subscriptions, however many subscriptions there are.
 */
export class Subscriptions {
  /** An XPUB socket reports each subscription that begins, and of equal ones only the end of the last. */
  readonly #held = new Set<string>();
  /** How many there are for each topic or beginning. One that reaches into the document counts for its topic with the zero byte. */
  readonly #counts = new Map<string, number>();
  /** How many there are of each length. */
  readonly #lengths = new Map<number, number>();
  #bytes = 0;

  get size(): number {
    return this.#held.size;
  }

  /** Of all of them together. */
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
