import type { Store } from '../../contract/store.js';
import type { ChildPast, Earlier } from '../../model/earlier.js';
import { joinPath, parentOf } from '../../model/id.js';
import type { NodeSpec } from '../../model/spec.js';
import { type AgentEntry, agentKey, type SupervisorEntry, specKey, supervisorKey } from './entries.js';

/** What the registry must know of an agent from before its first start in this program. */
export type EarlierRecord = Pick<AgentEntry, 'uuid' | 'createdAt' | 'incarnation' | 'starts'>;

/**
 * What an earlier program has left in the store, by path. `kept`: the incarnation of an agent that its driver still has: the next start adopts that one, so
 * its number and the number of starts are those before it.
 */
export class Past {
  readonly #entries: Map<string, unknown>;
  readonly #kept: (path: string) => number | undefined;
  /** By supervisor: the names of what was in it, in order. */
  readonly #children = new Map<string, string[]>();
  readonly #added = new Map<string, NodeSpec[]>();
  /** The offset of the wall clock to the clock of facts. */
  readonly #offset: number;

  constructor(store: Store, kept: (path: string) => number | undefined, offset: number) {
    this.#entries = new Map(store.earlier);
    this.#kept = kept;
    this.#offset = offset;
    for (const [key, value] of this.#entries) this.#index(key, value);
  }

  /** The entry of an agent; `undefined` for one that is new. */
  agent(path: string): AgentEntry | undefined {
    return this.#entries.get(agentKey(path)) as AgentEntry | undefined;
  }

  record(path: string): EarlierRecord | undefined {
    const entry = this.agent(path);
    if (entry === undefined) return undefined;
    const { uuid, createdAt, incarnation, starts } = entry;
    const kept = this.#kept(path);
    if (kept === undefined) return { uuid, createdAt, incarnation, starts };
    return { uuid, createdAt, incarnation: kept - 1, starts: kept === incarnation ? starts - 1 : starts };
  }

  /** The entry of an agent if it is about this incarnation. */
  incarnation(path: string, incarnation: number): AgentEntry | undefined {
    const entry = this.agent(path);
    return entry?.incarnation === incarnation ? entry : undefined;
  }

  /** True for an agent that was asked to stop, and has not ended. */
  isUnwanted(path: string): boolean {
    return this.agent(path)?.past?.isWanted === false;
  }

  /** What the engine of a supervisor must know. Once: a supervisor that is restarted begins anew. */
  takeEarlier(path: string): Earlier {
    const entry = this.#entries.get(supervisorKey(path)) as SupervisorEntry | undefined;
    const added = this.#added.get(path) ?? [];
    const instances = (this.#children.get(path) ?? []).filter(
      (id) => this.#child(joinPath(path, id))?.isWanted !== false,
    );
    this.#added.delete(path);
    this.#children.delete(path);
    const stamps = this.#onClock(entry?.stamps ?? []);
    return { added, instances, stamps, child: (id) => this.#child(joinPath(path, id)) };
  }

  forget(path: string): void {
    for (const key of [agentKey(path), supervisorKey(path)]) this.#entries.delete(key);
  }

  #child(path: string): ChildPast | undefined {
    const past = this.agent(path)?.past ?? this.#supervisorPast(path);
    if (past === null || past === undefined) return undefined;
    const isKept = this.#kept(path) !== undefined;
    const isResting = !isKept && (!past.isWanted || past.isResting);
    return { ...past, isWanted: isKept || past.isWanted, isResting, stamps: this.#onClock(past.stamps) };
  }

  /** A supervisor that had failed starts again; one that was stopped does not. */
  #supervisorPast(path: string): ChildPast | null {
    const past = (this.#entries.get(supervisorKey(path)) as SupervisorEntry | undefined)?.past;
    return past ? { ...past, isResting: !past.isWanted } : null;
  }

  #onClock(stamps: readonly number[]): number[] {
    return stamps.map((stamp) => stamp - this.#offset);
  }

  #index(key: string, value: unknown): void {
    const path = key.slice(key.indexOf(' ') + 1);
    const above = parentOf(path);
    if (above === null) return;
    if (key === specKey(path)) append(this.#added, above, value as NodeSpec);
    if (key === agentKey(path)) append(this.#children, above, path.slice(above.length + 1));
  }
}

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
