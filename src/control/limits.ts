/**
 * What one peer may ask of a server, and what the server remembers. A peer is one key, on all its connections together; without keys it is
 * one connection: what has the same routing id. A request beyond a limit is answered at once, and nothing is done.
 */
export interface Limits {
  /** Requests of one peer that are not answered yet. One more is answered with TOO_MANY_REQUESTS. If not given, 1024. */
  readonly inFlight: number;
  /**
   * Bytes of the requests of one peer that are not answered yet; one request is always allowed. What would be more is answered with
   * TOO_MANY_REQUESTS. While those of all peers are more than 256 MiB, it is 1 MiB for each. If not given, 32 MiB.
   */
  readonly inFlightBytes: number;
  /** Requests of one peer per second, in the long run. What comes faster is answered with RATE_LIMITED and the ms to wait. If not given, 5000. */
  readonly rate: number;
  /** Requests of one peer at once, after a pause; used up, there is one more for each that `rate` allows. If not given, 10000. */
  readonly burst: number;
  /**
   * Requests with an idempotency key that are remembered for the owner of one key, or for all who come without one; the one that was asked
   * for longest ago is forgotten first. When so many are still running, one more is answered with TOO_MANY_REQUESTS. Of all owners four
   * times as many are remembered, and they have a bound in bytes as well: see the limits that are fixed. If not given, 10000.
   */
  readonly idempotencyKeys: number;
}

export const DEFAULT_LIMITS: Limits = {
  inFlight: 1024,
  inFlightBytes: 32 * 1024 * 1024,
  rate: 5_000,
  burst: 10_000,
  idempotencyKeys: 10_000,
};

const HAIR = 1e-6;

/** A token bucket: `rate` tokens come per second, at most `burst` are kept. It begins full. */
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

  /** Takes a token: 0 when there was one, otherwise the ms until there is. */
  take(now: number): number {
    this.#fill(now);
    // Less a hair: a sum of parts of a token is not exact.
    if (this.#tokens < 1 - HAIR) return Math.ceil(((1 - this.#tokens - HAIR) * 1000) / this.#rate);
    this.#tokens--;
    return 0;
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.#burst - HAIR;
  }

  #fill(now: number): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#rate) / 1000);
    this.#at = now;
  }
}
