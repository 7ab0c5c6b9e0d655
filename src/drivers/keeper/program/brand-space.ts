/*
 * Brands tell the incarnations of nested keepers apart. A brand is a number of 62 bits: its level in the first two, then a slot of 20 bits for each of
 * three levels. The agents of a keeper that itself runs under a brand get brands that begin with its own, so an orphan of an inner keeper that was killed
 * still names the agent of the outer one that it came from. On a fourth level there is no room for brands.
 */

const SLOT_BITS = 20n;
const PATH_BITS = 60n;
const LEVELS = 3;

/** The most incarnations that may exist at the same time, and the highest slot. */
export const LAST_SLOT = 2 ** Number(SLOT_BITS) - 1;

/** The brands that one keeper may give. */
export class BrandSpace {
  readonly #level: number;
  readonly #prefix: bigint;
  readonly #hard: bigint;

  /** The limits of file locks that the keeper has inherited, as numbers of getrlimit(2). A soft limit that is no brand counts as none. */
  constructor({ soft, hard }: { soft: bigint; hard: bigint }) {
    this.#level = levelOf(soft);
    this.#prefix = this.#level === 0 ? 0n : pathOf(soft);
    this.#hard = hard;
  }

  /** False when there is no room for another level, or when the hard limit is below the highest brand. */
  get isUsable(): boolean {
    return this.#level < LEVELS && this.#hard >= this.brandOf(LAST_SLOT);
  }

  /** The brand of the incarnation in a slot from 1 to LAST_SLOT. */
  brandOf(slot: number): bigint {
    return (BigInt(this.#level + 1) << PATH_BITS) | this.#prefix | (BigInt(slot) << shiftOf(this.#level + 1));
  }

  /** The slot of the incarnation that a process with this soft limit comes from; `null` when it is not from this keeper. */
  slotOf(limit: bigint): number | null {
    if (levelOf(limit) <= this.#level) return null;
    const slots = pathOf(limit) >> shiftOf(this.#level + 1);
    if (slots >> SLOT_BITS !== this.#prefix >> shiftOf(this.#level)) return null;
    return Number(slots & BigInt(LAST_SLOT));
  }
}

/** From 1; 0 for a limit that is no brand. */
function levelOf(limit: bigint): number {
  const level = limit >> PATH_BITS;
  return level <= LEVELS ? Number(level) : 0;
}

function pathOf(limit: bigint): bigint {
  return limit & ((1n << PATH_BITS) - 1n);
}

/** Where the slot of a level begins, in bits from the end. */
function shiftOf(level: number): bigint {
  return SLOT_BITS * BigInt(LEVELS - level);
}
