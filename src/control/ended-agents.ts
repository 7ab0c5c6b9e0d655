import type { AgentHandle, AgentView } from '../contract/view.js';
import { isInstanceId } from '../model/id.js';
import type { ReportConsumer } from './streams/report-fan-out.js';

/** The most ended agents that are kept, the most bytes that they may take, and for how long they are kept, in ms. */
const KEPT = { agents: 1_000, bytes: 64 * 1024 * 1024, time: 600_000 };

/** The bytes that an agent, and a line besides its text, count as. */
const OVERHEAD = { agent: 16_384, line: 256 };

interface Ended {
  readonly handle: AgentHandle;
  readonly view: AgentView;
  /** Its approximate memory. */
  readonly bytes: number;
  readonly at: number;
}

/**
 * The agents of a tree that have ended and that their supervisor has forgotten: temporary ones, and instances of pools. A client that
 * spawned or stopped one asks afterwards how it ended and what it printed, so they are kept for a while.
 */
export class EndedAgents implements ReportConsumer {
  readonly #forgotten: (uuid: string) => void;
  /** By uuid, the first to end first. */
  readonly #ended = new Map<string, Ended>();
  #bytes = 0;

  /** `forgotten` is called with the uuid of each agent that is gone and not kept, or not any more. */
  constructor(forgotten: (uuid: string) => void) {
    this.#forgotten = forgotten;
  }

  /** By path, uuid or id, the latest end first, among those that `accept` accepts; `null` when there is none. */
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

  /** Their last views, in the order of their ends. */
  views(): AgentView[] {
    this.#expire();
    return [...this.#ended.values()].map(({ view }) => view);
  }

  removed(handle: AgentHandle): void {
    const { uuid } = handle;
    const view = handle.view();
    const isKept = view.restart === 'temporary' || isInstanceId(view.id);
    if (!isKept || view.exit === null) return this.#forgotten(uuid);
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
