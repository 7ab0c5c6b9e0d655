const TOLERANCE = 1e-6;

/** A token bucket: `rate` tokens are added per second, up to `burst`. It starts full. */
export class TokenBucket {
  readonly #rate: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Takes a token. Returns 0, or the ms until there is one. */
  take(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#rate) / 1000);
    this.#at = now;
    // A sum of fractions of a token is not exact, hence the tolerance.
    if (this.#tokens < 1 - TOLERANCE) return Math.ceil(((1 - this.#tokens - TOLERANCE) * 1000) / this.#rate);
    this.#tokens--;
    return 0;
  }

  isFull(now: number): boolean {
    return this.#tokens + ((now - this.#at) * this.#rate) / 1000 >= this.#burst - TOLERANCE;
  }
}
