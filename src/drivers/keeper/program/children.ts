import { childrenOfMainThread, environValue, fileLockLimit, hasOtherChildren, readStat } from '../../proc/proc.js';
import { brandIn, sessionOf } from '../native/brand.js';
import { type BrandSpace, LAST_SLOT } from './brand-space.js';

/** An incarnation as the children of the keeper know it. */
export interface Parentage {
  /** The children of the keeper that belong to it: its main process, and orphans. It is gone when there is none. */
  readonly children: Set<number>;
  /** Its token in the environment of its processes, SUPERTREE_TOKEN. */
  readonly token: string;
}

/**
 * The children of this process, each with the incarnation that it belongs to. An incarnation without a child has no process at all:
 *
 * 1. The keeper is a subreaper, so each process of an incarnation is its child or has an ancestor of the same incarnation that is.
 * 2. A child, even a defunct one, is listed until this process reaps it, and its own children come to this process before it can be reaped.
 * 3. So a listing after the reaping of a child has every orphan that it left.
 */
export class Children<Owner extends Parentage> {
  readonly #brands: BrandSpace;
  readonly #problem: (text: string) => void;
  /** `null` for a child that no incarnation is known for. */
  readonly #owners = new Map<number, Owner | null>();
  readonly #slots = new Map<number, Owner>();
  readonly #sessions = new Map<number, Owner>();
  readonly #tokens = new Map<string, Owner>();
  #lastSlot = 0;
  /** The length of all their pids as text, each with a space. */
  #textLength = 0;

  /** `problem` is called for each orphan that cannot be attributed. */
  constructor(brands: BrandSpace, problem: (text: string) => void) {
    this.#brands = brands;
    this.#problem = problem;
  }

  /** True when there is none, not even a defunct one. */
  get isEmpty(): boolean {
    return this.#owners.size === 0;
  }

  pids(): Iterable<number> {
    return this.#owners.keys();
  }

  /** Reserves a brand for an incarnation; `null` when there are none. Returned by `release`. */
  reserve(owner: Owner): bigint | null {
    this.#tokens.set(owner.token, owner);
    if (!this.#brands.isUsable || this.#slots.size === LAST_SLOT) return null;
    do this.#lastSlot = (this.#lastSlot % LAST_SLOT) + 1;
    while (this.#slots.has(this.#lastSlot));
    this.#slots.set(this.#lastSlot, owner);
    return this.#brands.brandOf(this.#lastSlot);
  }

  /** Adds the main process of an incarnation, which leads a session of its own. */
  add(pid: number, owner: Owner): void {
    this.#sessions.set(pid, owner);
    this.#attribute(pid, owner);
  }

  /** Forgets an incarnation that has no process. */
  release(owner: Owner, brand: bigint | null, main: number | null): void {
    const slot = brand === null ? null : this.#brands.slotOf(brand);
    if (slot !== null) this.#slots.delete(slot);
    if (main !== null && this.#sessions.get(main) === owner) this.#sessions.delete(main);
    if (this.#tokens.get(owner.token) === owner) this.#tokens.delete(owner.token);
  }

  /** A child was reaped. Returns its incarnation, if that is known. To be followed by a `list`. */
  reaped(pid: number): Owner | null {
    const owner = this.#owners.get(pid) ?? null;
    if (this.#owners.delete(pid)) this.#textLength -= textLength(pid);
    owner?.children.delete(pid);
    return owner;
  }

  /** Attributes the orphans that have come since the last listing. */
  list(): void {
    if (!hasOtherChildren(this.#textLength)) return;
    for (const pid of childrenOfMainThread() ?? [])
      if (!this.#owners.has(pid)) this.#attribute(pid, this.#attributedOwnerOf(pid));
  }

  /** Whether a process, perhaps not a child, belongs to an incarnation; `undefined` when it has ended. */
  isOf(pid: number, owner: Owner): boolean | undefined {
    const known = this.#owners.get(pid) ?? this.#knownOwnerOf(pid);
    return known === undefined && readStat(pid) === undefined ? undefined : known === owner;
  }

  #attribute(pid: number, owner: Owner | null): void {
    this.#owners.set(pid, owner);
    this.#textLength += textLength(pid);
    owner?.children.add(pid);
  }

  /** By its brand; a program may have changed that limit, so otherwise by its session or its environment. */
  #attributedOwnerOf(pid: number): Owner | null {
    const owner = this.#knownOwnerOf(pid);
    if (owner === undefined) this.#problem(`process ${pid} is an orphan that belongs to no known agent`);
    return owner ?? null;
  }

  #knownOwnerOf(pid: number): Owner | undefined {
    const limit = brandIn(pid) ?? fileLockLimit(pid);
    const slot = limit === undefined ? null : this.#brands.slotOf(limit);
    return (slot === null ? undefined : this.#slots.get(slot)) ?? this.#ownerWithoutBrand(pid);
  }

  #ownerWithoutBrand(pid: number): Owner | undefined {
    return this.#sessions.get(sessionOf(pid)) ?? this.#tokens.get(environValue(pid, 'SUPERTREE_TOKEN') ?? '');
  }
}

function textLength(pid: number): number {
  return String(pid).length + 1;
}
