import type { AgentHandle, AgentView, Tree } from '../contract/view.js';
import { asSupertreeError } from '../errors.js';
import { isInstanceId } from '../model/id.js';
import type { Report } from '../model/report.js';

/** How many ended agents are kept, how many bytes they may take, and for how long they are kept, in ms. */
const KEPT = { agents: 1_000, bytes: 64 * 1024 * 1024, time: 600_000 };

/** Bytes that an agent, and a line besides its text, are counted as. */
const OVERHEAD = { agent: 16_384, line: 256 };

interface Ended {
  readonly handle: AgentHandle;
  readonly view: AgentView;
  /** Of memory, about. */
  readonly bytes: number;
  readonly at: number;
}

/**
 * The agents of a tree that have ended and that their supervisor has forgotten: temporary ones, and instances of pools. A client that
 * spawned or stopped one asks afterwards how it ended and what it printed, so they are kept for a while. `take` is to be called with
 * every report of the tree.
 */
export class EndedAgents {
  readonly #tree: Tree;
  readonly #forgotten: (uuid: string) => void;
  readonly #living = new Map<string, AgentHandle>();
  /** By uuid, the first to end first. */
  readonly #ended = new Map<string, Ended>();
  #bytes = 0;

  /** `forgotten` is called with the uuid of each agent that is gone and not kept, or not any more. */
  constructor(tree: Tree, forgotten: (uuid: string) => void) {
    this.#tree = tree;
    this.#forgotten = forgotten;
    for (const { uuid } of tree.agents()) this.#remember(uuid);
  }

  /** By path, uuid or id, the last to end before the others, of those that `accept` accepts; `null` when there is none. */
  find(ref: string, accept: (view: AgentView) => boolean = () => true): AgentHandle | null {
    this.#expire();
    const uuid = ref.toLowerCase();
    const isNamed = (view: AgentView) => view.path === ref || view.id === ref || view.uuid === uuid;
    const found = [...this.#ended.values()].findLast(({ view }) => isNamed(view) && accept(view));
    return found?.handle ?? null;
  }

  has(uuid: string): boolean {
    return this.#ended.has(uuid);
  }

  /** As they were at their end, the first to end first. */
  views(): AgentView[] {
    this.#expire();
    return [...this.#ended.values()].map(({ view }) => view);
  }

  take(report: Report): void {
    if (report.type === 'created') this.#remember(report.uuid);
    if (report.type === 'removed') this.#keepEnd(report.uuid);
  }

  #remember(uuid: string): void {
    const handle = agentOf(this.#tree, uuid);
    if (handle !== null && isForgottenAtItsEnd(handle.view())) this.#living.set(uuid, handle);
  }

  #keepEnd(uuid: string): void {
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

function isForgottenAtItsEnd({ restart, id }: AgentView): boolean {
  return restart === 'temporary' || isInstanceId(id);
}

/** `null` where there is none of that name. */
function agentOf(tree: Tree, ref: string): AgentHandle | null {
  try {
    return tree.agent(ref);
  } catch (thrown) {
    const { code } = asSupertreeError(thrown);
    if (code !== 'AGENT_NOT_FOUND' && code !== 'AGENT_ABSENT') throw thrown;
    return null;
  }
}
