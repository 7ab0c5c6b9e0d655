import { isDeepStrictEqual } from 'node:util';
import type { AgentView, SupervisorView, TreeView } from '../../contract/view.js';
import type { SupervisorMark } from '../../protocol/operations.js';

/** All agents and supervisors of a tree, by path. */
export interface TreeContents {
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly supervisors: ReadonlyMap<string, SupervisorMark>;
}

/** Something that no event has told the subscribers: the agent or the supervisor as it is now, or neither when there is none any more. */
export interface Difference {
  readonly path: string;
  readonly uuid: string;
  readonly agent?: AgentView;
  readonly supervisor?: SupervisorMark;
}

/** TreeContents in the tree as it is now. */
export function contentsOf(root: SupervisorView): TreeContents {
  const agents = new Map<string, AgentView>();
  const supervisors = new Map<string, SupervisorMark>();
  const walk = (node: TreeView): void => {
    if (node.kind === 'agent') {
      const { kind: _, ...view } = node;
      agents.set(view.path, view);
      return;
    }
    supervisors.set(node.path, { path: node.path, status: node.status });
    node.children.forEach(walk);
  };
  walk(root);
  return { agents, supervisors };
}

/** What the subscribers to events know by now. */
export class PublishedState {
  readonly #agents = new Map<string, AgentView>();
  readonly #supervisors = new Map<string, SupervisorMark>();
  /** True once a snapshot was given: from then on a subscriber may know all of the tree. */
  #isComplete = false;

  agent(view: AgentView): void {
    this.#agents.set(view.path, view);
  }

  supervisor(mark: SupervisorMark): void {
    this.#supervisors.set(mark.path, mark);
  }

  /** A path is gone, and with it everything below it. */
  removed(path: string): void {
    this.#agents.delete(path);
    if (!this.#supervisors.delete(path)) return;
    for (const map of [this.#agents, this.#supervisors]) {
      for (const each of [...map.keys()]) if (each.startsWith(`${path}/`)) map.delete(each);
    }
  }

  /** There is no subscriber any more. */
  clear(): void {
    this.#agents.clear();
    this.#supervisors.clear();
    this.#isComplete = false;
  }

  /** Replaces what is known by the whole tree as it is now. Returns where a subscriber would be wrong. */
  settle({ agents, supervisors }: TreeContents): Difference[] {
    const differences = [...this.#gone(agents, supervisors), ...this.#changed(agents, supervisors)];
    this.clear();
    for (const view of agents.values()) this.agent(view);
    for (const mark of supervisors.values()) this.supervisor(mark);
    this.#isComplete = true;
    return differences;
  }

  *#gone(agents: TreeContents['agents'], supervisors: TreeContents['supervisors']): IterableIterator<Difference> {
    for (const { path, uuid } of this.#agents.values()) if (!agents.has(path)) yield { path, uuid };
    for (const path of this.#supervisors.keys()) if (!supervisors.has(path)) yield { path, uuid: '' };
  }

  /** Before the first snapshot a subscriber knows only what events have told: what it never knew is no difference. */
  *#changed(agents: TreeContents['agents'], supervisors: TreeContents['supervisors']): IterableIterator<Difference> {
    for (const [path, supervisor] of supervisors) {
      const known = this.#supervisors.get(path);
      if (known === undefined ? this.#isComplete : known.status !== supervisor.status)
        yield { path, uuid: '', supervisor };
    }
    for (const [path, agent] of agents) {
      const known = this.#agents.get(path);
      if (known === undefined ? this.#isComplete : !isSame(known, agent)) yield { path, uuid: agent.uuid, agent };
    }
  }
}

function isSame(a: AgentView, b: AgentView): boolean {
  for (const key of Object.keys(b) as (keyof AgentView)[]) {
    if (a[key] !== b[key] && !isDeepStrictEqual(a[key], b[key])) return false;
  }
  return true;
}
