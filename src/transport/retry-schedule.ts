/**
 * Between two tries, in ms: a peer that only has much to read is ready in the next rounds of the event loop, so the first `rounds` tries
 * come one in each; one that does not read is not worth the work.
 */
const RETRY = { rounds: 50, first: 1, last: 50 };

/** When to try again what a socket did not take. */
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

  /** The next tries come soon, because the last one succeeded, or there is something new to try. */
  hurry(): void {
    this.#tries = 0;
  }

  /** Plans the next try, later each time, in place of one that is planned. */
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
