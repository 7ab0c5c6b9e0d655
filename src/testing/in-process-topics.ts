import { Subscriptions, type Topics } from '../control/streams/topics.js';

interface Follower {
  readonly beginning: Buffer;
  readonly listener: (frame: Buffer) => void;
}

/** Topics whose followers are in the same program. A listener that throws harms nobody else: it is thrown where nobody catches it. */
export class InProcessTopics implements Topics {
  readonly #followers = new Set<Follower>();
  readonly #listeners = new Set<(subscription: string) => void>();
  #subscriptions = new Subscriptions();

  /** Calls `listener` with each frame that begins with `beginning`. Returns the way to end that. */
  subscribe(beginning: string, listener: (frame: Buffer) => void): () => void {
    const follower = { beginning: Buffer.from(beginning, 'latin1'), listener };
    this.#followers.add(follower);
    this.#subscriptions.add(beginning);
    for (const each of [...this.#listeners]) each(beginning);
    return () => {
      this.#followers.delete(follower);
      this.#subscriptions = new Subscriptions();
      for (const left of this.#followers) this.#subscriptions.add(left.beginning.toString('latin1'));
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
      for (const { beginning, listener } of [...this.#followers]) {
        if (frame.subarray(0, beginning.length).equals(beginning)) this.#tell(listener, frame);
      }
    });
  }

  onSubscribed(listener: (subscription: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(listener: (frame: Buffer) => void, frame: Buffer): void {
    try {
      listener(frame);
    } catch (thrown) {
      queueMicrotask(() => Promise.reject(thrown));
    }
  }
}
