import type { AgentHandle, AgentView, Tree } from '../../contract/view.js';
import type { Report } from '../../model/report.js';

/** A report with the agent that it is about; `undefined` for a supervisor. The handle of an agent that was removed still shows how it ended. */
export interface FollowedReport {
  readonly report: Report;
  readonly agent: AgentHandle | undefined;
}

/** A part of a control that follows the tree. */
export interface ReportConsumer {
  /** Called at once for each new agent. */
  created?(agent: AgentHandle): void;
  /** Called at once for each agent that was removed. */
  removed?(agent: AgentHandle): void;
  /**
   * Called with the reports of one cascade of transitions, after it: within the cascade an agent has reported a step that its chart has not finished, so a view
   * taken there could show a state that is true neither before nor after.
   */
  take?(reports: readonly FollowedReport[]): void;
}

/**
 * The one listener of a control in its tree: gives each report to every consumer, in their order, and to the followers of the agent or supervisor that it is
 * about. A consumer that throws harms no other: `failed` is called with the error.
 */
export class ReportFanOut {
  /** The agents of the tree, by path. */
  readonly agents = new Map<string, AgentHandle>();
  readonly #tree: Tree;
  readonly #failed: (thrown: unknown) => void;
  readonly #consumers: ReportConsumer[] = [];
  readonly #followers = new Map<string, Set<ReportConsumer>>();
  #waiting: FollowedReport[] = [];
  readonly #unsubscribe: () => void;

  constructor(tree: Tree, failed: (thrown: unknown) => void) {
    this.#tree = tree;
    this.#failed = failed;
    for (const { path, uuid } of tree.agents()) this.agents.set(path, tree.agent(uuid));
    this.#unsubscribe = tree.subscribe(this.#note);
  }

  /** Gives all reports to `consumer` from now on. The agents of the tree are new to it. */
  add(consumer: ReportConsumer): void {
    for (const agent of this.agents.values()) consumer.created?.(agent);
    this.#consumers.push(consumer);
  }

  /** Gives `follower` the reports about one path. Returns the function that ends that, after the reports that wait. */
  follow(path: string, follower: ReportConsumer): () => void {
    const followers = this.#followers.get(path) ?? new Set();
    this.#followers.set(path, followers.add(follower));
    return () => {
      this.flush();
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(path) === followers) this.#followers.delete(path);
    };
  }

  /** Hands on the reports that wait, now. */
  readonly flush = (): void => {
    const reports = this.#waiting;
    if (reports.length === 0) return;
    this.#waiting = [];
    for (const consumer of this.#consumers) this.#give(consumer, reports);
    if (this.#followers.size > 0) this.#giveFollowers(reports);
  };

  /** Hands on the reports that wait, and ends the subscription. */
  close(): void {
    this.flush();
    this.#unsubscribe();
  }

  readonly #note = (report: Report): void => {
    if (report.type === 'created') this.#created(report.path, report.uuid);
    const agent = this.agents.get(report.path);
    this.#waiting.push({ report, agent });
    if (this.#waiting.length === 1) queueMicrotask(this.flush);
    if (report.type === 'removed' && agent !== undefined) this.#removed(agent);
  };

  #created(path: string, uuid: string): void {
    const agent = this.#tree.agent(uuid);
    this.agents.set(path, agent);
    for (const consumer of this.#consumers) {
      try {
        consumer.created?.(agent);
      } catch (thrown) {
        this.#failed(thrown);
      }
    }
  }

  #removed(agent: AgentHandle): void {
    this.agents.delete(agent.path);
    for (const consumer of this.#consumers) {
      try {
        consumer.removed?.(agent);
      } catch (thrown) {
        this.#failed(thrown);
      }
    }
  }

  #giveFollowers(reports: readonly FollowedReport[]): void {
    for (const path of new Set(reports.map(({ report }) => report.path))) {
      const followers = this.#followers.get(path);
      if (followers === undefined) continue;
      const own = reports.filter(({ report }) => report.path === path);
      for (const follower of followers) this.#give(follower, own);
    }
  }

  #give(consumer: ReportConsumer, reports: readonly FollowedReport[]): void {
    try {
      consumer.take?.(reports);
    } catch (thrown) {
      this.#failed(thrown);
    }
  }
}

/** The state of an agent with its sub-state. */
export type FullState = Pick<AgentView, 'state' | 'detail'>;

/**
 * The state of an agent after one report of a batch; `null` when it does not follow from the report. `now` is the state after the batch, given for the last
 * report of the agent, and `null` for earlier ones.
 */
export function stateAfter(report: Report, now: FullState | null): FullState | null {
  if (report.type === 'substate') return report;
  if (report.type !== 'state') return now;
  return now?.state === report.state ? now : { state: report.state, detail: report.state };
}
