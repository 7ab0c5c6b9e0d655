import { Subscriptions, type Topics } from '../control/streams/topics.js';

interface Subscriber {
  readonly beginning: Buffer;
  readonly listener: (frame: Buffer) => void;
}

/** Topics with subscribers in the same program. An error of a listener is rethrown as an uncaught error, and the other listeners are still called. */
export class InProcessTopics implements Topics {
  readonly #subscribers = new Set<Subscriber>();
  readonly #listeners = new Set<(subscription: string) => void>();
  #subscriptions = new Subscriptions();

  /** Calls `listener` with each frame that begins with `beginning`. Returns a function that ends the subscription. */
  subscribe(beginning: string, listener: (frame: Buffer) => void): () => void {
    const subscriber = { beginning: Buffer.from(beginning, 'latin1'), listener };
    this.#subscribers.add(subscriber);
    this.#subscriptions.add(beginning);
    for (const each of [...this.#listeners]) each(beginning);
    return () => {
      this.#subscribers.delete(subscriber);
      this.#subscriptions = new Subscriptions();
      for (const left of this.#subscribers) this.#subscriptions.add(left.beginning.toString('latin1'));
    };
  }

  hasSubscriber(topic: string): boolean {
    return this.#subscriptions.covers(topic);
  }

  /** A frame arrives in a later turn, as from a socket. */
  publish(topic: string, make: () => Uint8Array): void {
    if (!this.hasSubscriber(topic)) return;
    const frame = Buffer.concat([Buffer.from(`${topic}\0`), make()]);
    setImmediate(() => {
      for (const { beginning, listener } of [...this.#subscribers]) {
        if (frame.subarray(0, beginning.length).equals(beginning)) this.#call(listener, frame);
      }
    });
  }

  onSubscribed(listener: (subscription: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #call(listener: (frame: Buffer) => void, frame: Buffer): void {
    try {
      listener(frame);
    } catch (thrown) {
      queueMicrotask(() => Promise.reject(thrown));
    }
  }
}
