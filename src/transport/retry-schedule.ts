/**
 * The delays between attempts, in ms. A peer that has much to read is ready in the next rounds of the event loop, so the first `rounds` attempts come
 * one in each; a peer that does not read is tried less and less often.
 */
const RETRY = { rounds: 50, first: 1, last: 50 };

/** When to retry a message that a socket did not take. */
export class RetrySchedule {
  readonly #retry: () => void;
  #cancel: (() => void) | null = null;
  #tries = 0;

  constructor(retry: () => void) {
    this.#retry = () => {
      this.#cancel = null;
      retry();
    };
  }

  get isPending(): boolean {
    return this.#cancel !== null;
  }

  /** Makes the next attempts come soon, because the last one succeeded, or there is a new message. */
  hurry(): void {
    this.#tries = 0;
  }

  /** Schedules the next attempt, later each time, in place of a scheduled one. */
  plan(): void {
    this.cancel();
    const slow = this.#tries++ - RETRY.rounds;
    if (slow < 0) {
      const round = setImmediate(this.#retry);
      this.#cancel = () => clearImmediate(round);
    } else {
      const timer = setTimeout(this.#retry, Math.min(RETRY.first * 2 ** slow, RETRY.last));
      this.#cancel = () => clearTimeout(timer);
    }
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
