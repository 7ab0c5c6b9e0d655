import type { Store } from '../../contract/store.js';
import { type ChildPast, shifted } from '../../model/earlier.js';
import { idOf, joinPath, parentOf } from '../../model/id.js';
import type { Report, ReportType } from '../../model/report.js';
import { shouldRestart } from '../../model/restart.js';
import type { NodeSpec } from '../../model/spec.js';
import { type Agent, contextOf, stateOf, viewOf } from '../agent/agent.js';
import { reasonOf } from '../agent/exit-record.js';
import type { World } from '../world.js';
import {
  type AgentEntry,
  agentKey,
  type ChangeNotes,
  isStorable,
  type SupervisorEntry,
  specKey,
  supervisorKey,
} from './entries.js';

/** Reports after which nothing that a successor needs has changed. */
const UNIMPORTANT: ReadonlySet<ReportType> = new Set<ReportType>([
  'removed',
  'waiting',
  'port-conflict',
  'limit',
  'dead-letter',
  'error',
]);

/**
 * Writes what a successor of the program must know into the store. An entry is written in the turn of the event loop in which it has changed, before the
 * driver acknowledges what has changed it.
 */
export class Recorder implements ChangeNotes {
  readonly #world: World;
  readonly #store: Store;
  readonly #changed = new Set<string>();

  constructor(world: World, store: Store) {
    this.#world = world;
    this.#store = store;
    world.reports.subscribe((report) => this.#note(report));
  }

  noteChanged(path: string): void {
    if (this.#changed.size === 0) queueMicrotask(() => this.#write());
    this.#changed.add(path);
  }

  noteAdded(path: string, spec: NodeSpec): void {
    if (isStorable(spec)) this.#store.set(specKey(path), spec);
  }

  forget(path: string): void {
    for (const key of [agentKey(path), supervisorKey(path), specKey(path)]) this.#store.delete(key);
  }

  #note({ path, type }: Report): void {
    if (UNIMPORTANT.has(type)) return;
    this.noteChanged(path);
    const above = parentOf(path);
    if (type === 'restarting' && above !== null) this.noteChanged(above);
    if (type === 'supervisor') this.#noteChildren(path);
  }

  /** The end of a supervisor cancels the restarts of its children, which no report tells of. */
  #noteChildren(path: string): void {
    const node = this.#world.registry.supervisorAt(path);
    if (node?.rest == null) return;
    for (const { id } of node.engine.which()) this.noteChanged(joinPath(path, id));
  }

  #write(): void {
    for (const path of this.#changed) {
      const agent = this.#world.registry.agentAt(path);
      if (agent !== undefined) this.#store.set(agentKey(path), this.#agentEntry(agent));
      else this.#writeSupervisor(path);
    }
    this.#changed.clear();
  }

  #writeSupervisor(path: string): void {
    const node = this.#world.registry.supervisorAt(path);
    if (node === undefined) return;
    const stamps = node.engine.stamps.map((stamp) => this.#onWall(stamp));
    const entry: SupervisorEntry = { rest: node.rest, stamps, past: this.#past(path) };
    this.#store.set(supervisorKey(path), entry);
  }

  #agentEntry(agent: Agent): AgentEntry {
    const { readyAt, pausedAt, pauseMode, ports, since } = contextOf(agent);
    const past = this.#past(agent.path);
    const { uuid, createdAt, incarnation, starts } = agent.record;
    return {
      uuid,
      createdAt,
      incarnation,
      starts,
      state: stateOf(agent),
      detail: viewOf(agent).detail,
      since,
      readyAt,
      pausedAt,
      pauseMode,
      ports,
      lines: agent.output.begins,
      next: agent.output.next,
      exit: agent.exit,
      past,
      ...restAfterHook(agent, past),
    };
  }

  #past(path: string): ChildPast | null {
    const above = parentOf(path);
    const past = above === null ? undefined : this.#world.registry.supervisorAt(above)?.engine.past(idOf(path));
    return past === undefined ? null : shifted(past, (time) => this.#onWall(time));
  }

  #onWall(time: number): number {
    const { clock } = this.#world;
    return time + clock.wall() - clock.now();
  }
}

/**
 * Of an agent that has ended, and whose hook runs: what it comes to when the hook is over. A successor does not wait for the hook, and restarts the agent, or
 * not, by its restart type.
 */
function restAfterHook(agent: Agent, past: ChildPast | null): Partial<AgentEntry> {
  const context = contextOf(agent);
  if (agent.hook === null || !context.isConcluded || past === null) return {};
  const isResting = !shouldRestart(agent.spec.restart, reasonOf(agent, context));
  return { state: context.heading, detail: context.heading, past: { ...past, isResting } };
}
