import { type Clock, systemClock } from '../contract/clock.js';
import type { Refusal } from '../transport/zap.js';

/**
 * Limits of the log of refused connections: the first `most` of each kind within `span` ms have a line each, further ones are counted; at most `kinds`
 * kinds are distinguished at once.
 */
export const REFUSAL_LOG_LIMITS = { most: 10, span: 10_000, kinds: 1_000 };

interface Count {
  readonly last: Refusal;
  readonly logged: number;
  readonly suppressed: number;
}

/**
 * Bounds the log of refused connections, because any peer can cause any number of them. Connections of one kind have the same reason, domain and
 * address; once there are `kinds` kinds, the address is ignored.
 */
export class RefusedConnections {
  readonly #log: (refusal: Refusal, repeated: number) => void;
  readonly #clock: Clock;
  #counts = new Map<string, Count>();
  #span: unknown;

  /** `log` is called with `repeated` 0 for one connection, else with the number of further connections of its kind. */
  constructor(log: (refusal: Refusal, repeated: number) => void, clock: Clock = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  note(refusal: Refusal): void {
    this.#span ??= this.#clock.setTimeout(() => this.flush(), REFUSAL_LOG_LIMITS.span);
    const { kind, last } = this.#kindOf(refusal);
    const { logged, suppressed } = this.#counts.get(kind) ?? { logged: 0, suppressed: 0 };
    const isLogged = logged < REFUSAL_LOG_LIMITS.most;
    if (isLogged) this.#log(refusal, 0);
    this.#counts.set(kind, { last, logged: logged + (isLogged ? 1 : 0), suppressed: suppressed + (isLogged ? 0 : 1) });
  }

  /** Logs the number of suppressed connections of each kind, and resets the counts. */
  flush(): void {
    this.#clock.clearTimeout(this.#span);
    this.#span = undefined;
    const counts = this.#counts;
    this.#counts = new Map();
    for (const { last, suppressed } of counts.values()) if (suppressed > 0) this.#log(last, suppressed);
  }

  #kindOf(refusal: Refusal): { readonly kind: string; readonly last: Refusal } {
    const { domain, reason, address, name } = refusal;
    const kind = JSON.stringify([domain, reason, address, name]);
    // The public key is not part of the kind: a peer may use another key each time.
    const last = { ...refusal, publicKey: null };
    if (this.#counts.has(kind) || this.#counts.size < REFUSAL_LOG_LIMITS.kinds) return { kind, last };
    return { kind: JSON.stringify([domain, reason]), last: { ...last, address: null } };
  }
}
