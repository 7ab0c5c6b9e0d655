import type { AgentHandle, Tree } from '../contract/view.js';
import { SupertreeError } from '../errors.js';
import { parentOf } from '../model/id.js';
import { isMap } from '../protocol/kinds.js';
import type { ReportConsumer } from './streams/report-fan-out.js';

/** The addition of one agent, supervisor or pool that is under way. */
interface Pending {
  readonly path: string;
  /** The number of its agents that the tree does not have yet; negative when it has more than were counted. */
  missing: number;
}

/**
 * Adds agents within a limit. The tree learns of an addition later, and in part, so the agents that it does not have yet are counted here, with each agent
 * that is created or removed: the cost of an addition does not depend on the number of those under way.
 */
export class Additions implements ReportConsumer {
  readonly #tree: Tree;
  readonly #maxAgents: number;
  readonly #byPath = new Map<string, Set<Pending>>();
  /** The agents of all additions that the tree does not have yet. */
  #missing = 0;

  /** `maxAgents` is the number of agents that the tree may have. */
  constructor(tree: Tree, maxAgents: number) {
    this.#tree = tree;
    this.#maxAgents = maxAgents;
  }

  /** True while an addition at exactly this path is under way. */
  has(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Does `work`, which adds `count` agents at `path` or below it. Rejects with AGENT_LIMIT, before anything is added, when these are too many. */
  async add<T>(path: string, count: number, work: () => Promise<T>): Promise<T> {
    if (this.#tree.size + this.#missing + count > this.#maxAgents) {
      throw new SupertreeError('AGENT_LIMIT', { max: this.#maxAgents });
    }
    const pending: Pending = { path, missing: count };
    const same = this.#byPath.get(path) ?? new Set();
    this.#byPath.set(path, same.add(pending));
    this.#missing += count;
    try {
      return await work();
    } finally {
      this.#missing -= Math.max(0, pending.missing);
      same.delete(pending);
      if (same.size === 0) this.#byPath.delete(path);
    }
  }

  created({ path }: AgentHandle): void {
    this.#count(path, 1);
  }

  removed({ path }: AgentHandle): void {
    this.#count(path, -1);
  }

  #count(agent: string, change: number): void {
    if (this.#byPath.size === 0) return;
    for (let path: string | null = agent; path !== null; path = parentOf(path)) {
      for (const pending of this.#byPath.get(path) ?? []) {
        this.#missing -= Math.max(0, pending.missing);
        pending.missing -= change;
        this.#missing += Math.max(0, pending.missing);
      }
    }
  }
}

/** The number of agents that a node seems to describe: it is not validated yet. */
export function agentsIn(node: unknown): number {
  if (!isMap(node)) return 1;
  if (isMap(node.pool)) return typeof node.pool.size === 'number' ? node.pool.size : 0;
  return Array.isArray(node.children) ? node.children.reduce((sum: number, child) => sum + agentsIn(child), 0) : 1;
}
