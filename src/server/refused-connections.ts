import { type Clock, systemClock } from '../contract/clock.js';
import type { Refusal } from '../transport/zap.js';

/** Of so many refused connections of one kind in `span` ms each has a line of its own, of the others there is their number; `kinds` are told apart at once. */
export const REFUSALS_TOLD = { most: 10, span: 10_000, kinds: 1_000 };

interface Count {
  readonly last: Refusal;
  readonly told: number;
  readonly untold: number;
}

/**
 * Bounds what is said about connections that were refused: anybody who reaches a port can make as many as it likes. A kind is a reason, at one
 * domain, from one address; addresses beyond `kinds` are one kind together.
 */
export class RefusedConnections {
  readonly #tell: (refusal: Refusal, repeated: number) => void;
  readonly #clock: Clock;
  #counts = new Map<string, Count>();
  #span: unknown;

  /** `tell` is called with `repeated` 0 for one connection, else with how many more there were like it. */
  constructor(tell: (refusal: Refusal, repeated: number) => void, clock: Clock = systemClock) {
    this.#tell = tell;
    this.#clock = clock;
  }

  note(refusal: Refusal): void {
    this.#span ??= this.#clock.setTimeout(() => this.flush(), REFUSALS_TOLD.span);
    const { kind, last } = this.#kindOf(refusal);
    const { told, untold } = this.#counts.get(kind) ?? { told: 0, untold: 0 };
    const isTold = told < REFUSALS_TOLD.most;
    if (isTold) this.#tell(refusal, 0);
    this.#counts.set(kind, { last, told: told + (isTold ? 1 : 0), untold: untold + (isTold ? 0 : 1) });
  }

  /** Tells how many were not told, and begins anew. */
  flush(): void {
    this.#clock.clearTimeout(this.#span);
    this.#span = undefined;
    const counts = this.#counts;
    this.#counts = new Map();
    for (const { last, untold } of counts.values()) if (untold > 0) this.#tell(last, untold);
  }

  #kindOf(refusal: Refusal): { readonly kind: string; readonly last: Refusal } {
    const { domain, reason, address, name } = refusal;
    const kind = JSON.stringify([domain, reason, address, name]);
    // Another key each time is the same stranger.
    const last = { ...refusal, publicKey: null };
    if (this.#counts.has(kind) || this.#counts.size < REFUSALS_TOLD.kinds) return { kind, last };
    return { kind: JSON.stringify([domain, reason]), last: { ...last, address: null } };
  }
}
