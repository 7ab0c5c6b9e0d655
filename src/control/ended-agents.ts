import type { AgentHandle, AgentView, Tree } from '../contract/view.js';
import { asSupertreeError } from '../errors.js';
import type { Report } from '../model/report.js';
import { reportListener, type Subscription } from '../model/report-selection.js';

/** How many agents that are over are remembered, how many bytes that takes, and for how long, in ms. */
const KEPT = { agents: 1_000, bytes: 64 * 1024 * 1024, time: 600_000 };

/** What an agent and a line take besides the bytes of the line. */
const OVERHEAD = { agent: 16_384, line: 256 };

interface Ended {
  readonly handle: AgentHandle;
  readonly view: AgentView;
  /** What it takes to remember it, about. */
  readonly bytes: number;
  readonly at: number;
}

/**
 * The temporary agents of a tree that are over. Their supervisor has forgotten them; who spawned one asks afterwards how it ended and what
 * it printed, so they are remembered for a while.
 */
export class EndedAgents {
  readonly #tree: Tree;
  readonly #forgotten: (uuid: string) => void;
  readonly #living = new Map<string, AgentHandle>();
  /** By uuid, the first to end first. */
  readonly #ended = new Map<string, Ended>();
  readonly #unsubscribe: () => void;
  #bytes = 0;

  /** `forgotten` is told of each agent that is not remembered any more, or not at all. */
  constructor(tree: Tree, forgotten: (uuid: string) => void) {
    this.#tree = tree;
    this.#forgotten = forgotten;
    for (const { uuid } of tree.agents()) this.#meet(uuid);
    this.#unsubscribe = tree.subscribe((report) => this.#hear(report));
  }

  /** By path, uuid or id, the last to end before the others, of those that `shows` shows; `null` when there is none. */
  find(ref: string, shows: Shows): AgentHandle | null {
    this.#expire();
    const uuid = ref.toLowerCase();
    for (const { handle, view } of [...this.#ended.values()].reverse()) {
      const shown = view.path === ref || view.id === ref || view.uuid === uuid ? shows(handle) : null;
      if (shown !== null) return shown;
    }
    return null;
  }

  has(uuid: string): boolean {
    return this.#ended.has(uuid);
  }

  /** As they were at their end, the first to end first. */
  views(): AgentView[] {
    this.#expire();
    return [...this.#ended.values()].map(({ view }) => view);
  }

  close(): void {
    this.#unsubscribe();
  }

  #hear(report: Report): void {
    if (report.type === 'created') this.#meet(report.uuid);
    if (report.type === 'removed') this.#part(report.uuid);
  }

  #meet(uuid: string): void {
    const handle = agentOf(this.#tree, uuid);
    if (handle?.view().restart === 'temporary') this.#living.set(uuid, handle);
  }

  #part(uuid: string): void {
    const handle = this.#living.get(uuid);
    this.#living.delete(uuid);
    const view = handle?.view();
    if (handle === undefined || view === undefined || view.exit === null) return this.#forgotten(uuid);
    const { lines } = handle.output();
    const bytes = lines.reduce((sum, line) => sum + line.bytes.length + OVERHEAD.line, OVERHEAD.agent);
    this.#ended.set(uuid, { handle, view, bytes, at: performance.now() });
    this.#bytes += bytes;
    this.#expire();
  }

  #expire(): void {
    const oldest = performance.now() - KEPT.time;
    for (const [uuid, { bytes, at }] of this.#ended) {
      if (at >= oldest && this.#ended.size <= KEPT.agents && this.#bytes <= KEPT.bytes) return;
      this.#ended.delete(uuid);
      this.#bytes -= bytes;
      this.#forgotten(uuid);
    }
  }
}

/** An agent that is over as somebody may see it; `null` for nobody. */
type Shows = (handle: AgentHandle) => AgentHandle | null;

/** The same tree, where `agent` finds also an agent that is over, unless a supervisor has its path by now. Lists leave them out. */
export function withEndedAgents(tree: Tree, ended: EndedAgents, shows: Shows = (handle) => handle): Tree {
  const unlessTaken: Shows = (handle) => (hasSupervisor(tree, handle.path) ? null : shows(handle));
  return {
    path: tree.path,
    get status() {
      return tree.status;
    },
    ended: tree.ended,
    start: () => tree.start(),
    stop: (options) => tree.stop(options),
    [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose](),
    agents: () => tree.agents(),
    agent: (ref) => agentOf(tree, ref) ?? ended.find(ref, unlessTaken) ?? tree.agent(ref),
    supervisor: (path) => tree.supervisor(path),
    view: () => tree.view(),
    usage: (paths) => tree.usage(paths),
    subscribe: (...subscription: Subscription) => tree.subscribe(reportListener(subscription)),
  };
}

function hasSupervisor(tree: Tree, path: string): boolean {
  try {
    return tree.supervisor(path).path === path;
  } catch {
    // SUPERVISOR_NOT_FOUND, for who may not know it as well.
    return false;
  }
}

/** `null` where there is none of that name. */
function agentOf(tree: Tree, ref: string): AgentHandle | null {
  try {
    return tree.agent(ref);
  } catch (thrown) {
    if (asSupertreeError(thrown).code !== 'AGENT_NOT_FOUND') throw thrown;
    return null;
  }
}
