/**
 * The limits for one peer, and of the server's memory of its requests. A peer is one key, with all its connections; without keys it is one connection: one
 * routing id. A request above a limit is answered with the error at once, and nothing is done.
 */
export interface Limits {
  /** Unanswered requests of one peer. One more is answered with TOO_MANY_REQUESTS. If not given, 1024. */
  readonly inFlight: number;
  /**
   * Bytes of the unanswered requests of one peer; a single request is always allowed. More are answered with TOO_MANY_REQUESTS. While those of all peers
   * exceed 256 MiB, the limit is 1 MiB for each. If not given, 32 MiB.
   */
  readonly inFlightBytes: number;
  /** Requests of one peer per second, in the long run. Faster ones are answered with RATE_LIMITED and the ms to wait. If not given, 5000. */
  readonly rate: number;
  /** Requests of one peer at once, after a pause; then as many as `rate` allows. If not given, 10000. */
  readonly burst: number;
  /**
   * Remembered requests with an idempotency key of one owner: a key, or all peers without one; the least recently used one is forgotten first. When so many
   * are still running, one more is answered with TOO_MANY_REQUESTS. For all owners together the limit is four times as many, and a fixed number of bytes. If
   * not given, 10000.
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
