import type { Store } from '../../contract/store.js';
import { type ChildPast, type Earlier, NOTHING_EARLIER, shifted } from '../../model/earlier.js';
import { joinPath, parentOf } from '../../model/id.js';
import type { NodeSpec } from '../../model/spec.js';
import {
  type AgentEntry,
  agentKey,
  type SupervisorEntry,
  type SupervisorRest,
  specKey,
  supervisorKey,
} from './entries.js';

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
  /** The supervisors that have had what they must know. */
  readonly #taken = new Set<string>();
  /** The supervisors with an agent below them that runs on. */
  #keepers: Set<string> | undefined;
  /** The offset of the wall clock to the clock of facts. */
  readonly #offset: number;

  constructor(store: Store, kept: (path: string) => number | undefined, offset: number) {
    this.#entries = new Map(store.earlier);
    this.#kept = (path) => this.#withoutEnded(path, kept(path));
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

  /** The incarnation before `next`, if the earlier program was killed while it started that one and no process of it ran; `null` otherwise. */
  unfinished(path: string, next: number): number | null {
    const entry = this.incarnation(path, next - 1);
    return entry === undefined || AT_REST.has(entry.state) || this.#kept(path) !== undefined ? null : entry.incarnation;
  }

  /** True for an agent that was asked to stop, and has not ended. */
  isUnwanted(path: string): boolean {
    return this.agent(path)?.past?.isWanted === false;
  }

  /** What the engine of a supervisor must know. Once: a supervisor that is restarted begins anew. */
  takeEarlier(path: string): Earlier {
    if (this.#taken.has(path)) return NOTHING_EARLIER;
    const entry = this.#supervisor(path);
    const added = this.#added.get(path) ?? [];
    const isEnded = this.rest(path) !== undefined;
    this.#taken.add(path);
    const instances = (this.#children.get(path) ?? []).filter(
      (id) => isEnded || this.#child(joinPath(path, id))?.isWanted !== false,
    );
    const stamps = (entry?.stamps ?? []).map((stamp) => stamp - this.#offset);
    const child = (id: string) => this.#child(joinPath(path, id));
    return { added, instances, stamps, child, isKept: (id) => this.#isKept(joinPath(path, id)) };
  }

  /** How a supervisor has ended, if it stays so or waits for its restart; `undefined` for one that starts at once. */
  rest(path: string): SupervisorRest | undefined {
    const { rest, past } = this.#supervisor(path) ?? {};
    if (rest == null || past == null || this.#taken.has(path) || this.#isKept(path)) return undefined;
    return past.isResting || !past.isWanted || past.planned !== null ? rest : undefined;
  }

  forget(path: string): void {
    for (const key of [agentKey(path), supervisorKey(path)]) this.#entries.delete(key);
  }

  #child(path: string): ChildPast | undefined {
    const past = this.agent(path)?.past ?? this.#supervisorPast(path);
    if (past === null || past === undefined) return undefined;
    const isKept = this.#kept(path) !== undefined;
    const isResting = !isKept && (!past.isWanted || past.isResting);
    const now = shifted(past, (time) => time - this.#offset);
    const readyAt = this.#isKept(path) ? now.readyAt : null;
    return { ...now, isWanted: isKept || past.isWanted, isResting, readyAt };
  }

  /** A supervisor of which no end is known starts again, unless it was stopped. */
  #supervisorPast(path: string): ChildPast | null {
    const past = this.#supervisor(path)?.past;
    return past ? { ...past, isResting: past.isResting && this.rest(path) !== undefined } : null;
  }

  /** The earlier program may have handled the end of an incarnation, and not have acknowledged it any more: its restart is not charged twice. */
  #withoutEnded(path: string, kept: number | undefined): number | undefined {
    const entry = kept === undefined ? undefined : this.incarnation(path, kept);
    const isEnded = entry?.exit?.incarnation === kept && entry !== undefined && AT_REST.has(entry.state);
    return isEnded ? undefined : kept;
  }

  #supervisor(path: string): SupervisorEntry | undefined {
    return this.#entries.get(supervisorKey(path)) as SupervisorEntry | undefined;
  }

  #isKept(path: string): boolean {
    this.#keepers ??= this.#supervisorsOfKept();
    return this.#kept(path) !== undefined || this.#keepers.has(path);
  }

  #supervisorsOfKept(): Set<string> {
    const keepers = new Set<string>();
    for (const key of this.#entries.keys()) {
      const path = key.slice(key.indexOf(' ') + 1);
      if (this.#kept(path) === undefined) continue;
      for (let above = parentOf(path); above !== null; above = parentOf(above)) keepers.add(above);
    }
    return keepers;
  }

  #index(key: string, value: unknown): void {
    const path = key.slice(key.indexOf(' ') + 1);
    const above = parentOf(path);
    if (above === null) return;
    if (key === specKey(path)) append(this.#added, above, value as NodeSpec);
    if (key === agentKey(path)) append(this.#children, above, path.slice(above.length + 1));
  }
}

const AT_REST: ReadonlySet<AgentEntry['state']> = new Set<AgentEntry['state']>(['stopped', 'completed', 'failed']);

function append<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
