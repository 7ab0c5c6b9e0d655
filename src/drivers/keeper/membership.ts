import {
  childrenOf,
  commandLine,
  environValue,
  fileLockLimit,
  isDefunct,
  listPids,
  type ProcStat,
  readStat,
} from '../proc/proc.js';
import type { KeptAgent } from './connection.js';
import { BrandSpace } from './program/brand-space.js';

/** By what the processes of an incarnation are recognised. */
export interface Identity {
  /** Its value of SUPERTREE_TOKEN. */
  readonly token: string;
  /** The main process with its start time in ticks; `null` while that is not known. */
  readonly main: { readonly pid: number; readonly startTicks: number } | null;
  /** `null` when it has none, or when it is not known. */
  readonly brand: bigint | null;
}

/** By what an incarnation of an earlier program is recognised. */
export function identityOf({ token, pid, ticks, brand }: KeptAgent): Identity {
  const main = pid === 0 ? null : { pid, startTicks: ticks };
  return { token, main, brand: brand === '' ? null : BigInt(brand) };
}

interface Orphan {
  readonly stat: ProcStat;
  /** Its soft limit of file locks. */
  readonly limit: bigint | undefined;
}

/**
 * The processes of incarnations whose keeper is their subreaper: the main processes, the orphans, which are its children as well, and what is below both. Orphans
 * are listed once in a turn of the event loop, for all incarnations.
 */
export class ParentageMembers {
  readonly #keeper: number;
  readonly #identities: () => Iterable<Identity>;
  #list: Orphan[] | undefined;

  /** `keeper` is its pid; `identities` are those of all its incarnations. */
  constructor(keeper: number, identities: () => Iterable<Identity>) {
    this.#keeper = keeper;
    this.#identities = identities;
  }

  /** The living processes of an incarnation. */
  of(identity: Identity): ProcStat[] {
    this.#list ??= this.#read();
    const orphans = this.#list.filter(({ stat, limit }) => belongsTo(stat, limit, identity));
    return withDescendants(
      identity,
      orphans.map(({ stat }) => stat),
    );
  }

  /** Nothing is remembered of it. */
  forget(): void {}

  #read(): Orphan[] {
    setImmediate(() => {
      this.#list = undefined;
    });
    const mains = new Map([...this.#identities()].map(({ main }) => [main?.pid, main?.startTicks]));
    return childrenOf(this.#keeper).flatMap((pid) => {
      const stat = readStat(pid);
      if (stat === undefined || mains.get(pid) === stat.startTicks) return [];
      return [{ stat, limit: fileLockLimit(pid) }];
    });
  }
}

/** The main process of an incarnation, its orphans, and the descendants of both. */
function withDescendants(identity: Identity, orphans: readonly ProcStat[]): ProcStat[] {
  const main = identity.main === null ? undefined : readStat(identity.main.pid);
  const isSame = main !== undefined && main.startTicks === identity.main?.startTicks;
  const found = isSame ? [main, ...orphans] : [...orphans];
  for (let at = 0; at < found.length; at += 1) {
    for (const child of childrenOf(found[at]!.pid)) {
      const stat = readStat(child);
      if (stat !== undefined) found.push(stat);
    }
  }
  return found.filter((stat) => !isDefunct(stat));
}

/**
 * The living processes of these incarnations after the death of their keeper, by brand, session, token or parent. Other keepers give the same brands: a
 * process below one of them is none of ours.
 */
export function strandedMembers(identities: readonly Identity[]): Map<Identity, ProcStat[]> {
  const stats = (listPids() ?? []).flatMap((pid) => readStat(pid) ?? []);
  const alive = new Map(
    stats.filter((stat) => !isDefunct(stat) && stat.pid !== process.pid).map((stat) => [stat.pid, stat]),
  );
  const above = ancestorsOf(process.pid);
  const owners = new Map<number, Identity>();
  for (const stat of alive.values()) {
    const limit = fileLockLimit(stat.pid);
    const owner = identities.find((identity) => belongsTo(stat, limit, identity));
    if (owner !== undefined && !isOfKeeper(stat, alive, above)) owners.set(stat.pid, owner);
  }
  for (let size = -1; size !== owners.size; ) {
    size = owners.size;
    for (const { pid, parent } of alive.values()) {
      const owner = owners.get(parent);
      if (owner !== undefined && !owners.has(pid)) owners.set(pid, owner);
    }
  }
  const members = new Map<Identity, ProcStat[]>();
  for (const [pid, owner] of owners) members.set(owner, [...(members.get(owner) ?? []), alive.get(pid)!]);
  return members;
}

function belongsTo(stat: ProcStat, limit: bigint | undefined, { token, main, brand }: Identity): boolean {
  if (brand !== null && limit !== undefined && isBrand(limit)) return carriesBrand(limit, brand);
  if (main !== null && stat.session === main.pid && leads(main)) return true;
  return environValue(stat.pid, 'SUPERTREE_TOKEN') === token;
}

/** The session of a main process is its own until another process with that pid leads one. */
function leads({ pid, startTicks }: NonNullable<Identity['main']>): boolean {
  const leader = readStat(pid);
  return leader === undefined || leader.startTicks === startTicks;
}

function isBrand(limit: bigint): boolean {
  const [space, highest] = [new BrandSpace({ soft: 0n, hard: limit }), limit >> 62n];
  return highest === 0n && space.slotOf(limit) !== null;
}

/** The brand itself, or one that a keeper below it gives. */
function carriesBrand(limit: bigint, brand: bigint): boolean {
  return limit === brand || new BrandSpace({ soft: brand, hard: limit }).slotOf(limit) !== null;
}

/** A keeper, which has the brand of an agent itself while it spawns that, or a process below one. */
function isOfKeeper(stat: ProcStat, alive: ReadonlyMap<number, ProcStat>, above: ReadonlySet<number>): boolean {
  for (let each: ProcStat | undefined = stat; each !== undefined; each = alive.get(each.parent)) {
    if (above.has(each.pid)) return false;
    if (isKeeper(each)) return true;
  }
  return false;
}

/** A process and those above it. */
export function ancestorsOf(pid: number): Set<number> {
  const found = new Set<number>();
  for (let stat = readStat(pid); stat !== undefined && !found.has(stat.pid); stat = readStat(stat.parent))
    found.add(stat.pid);
  return found;
}

export function isKeeper(stat: ProcStat): boolean {
  return commandLine(stat).startsWith(KEEPER_TITLE);
}

/** What ps(1) shows for a keeper begins with this. */
export const KEEPER_TITLE = 'supertree-keeper';
