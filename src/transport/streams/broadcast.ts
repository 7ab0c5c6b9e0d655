import type { AgentView, Tree } from '../../actors/view.js';
import type { AgentState } from '../../model/agent.js';
import { describeExit } from '../../model/reason.js';
import { type Report, toText } from '../../model/report.js';
import { encode } from '../wire/decode.js';
import { LogFrames } from '../wire/log-frames.js';
import type { Draft } from '../wire/protocol.js';
import { STATUS_OF, wireTime } from '../wire/status.js';
import { ReportBatch } from './report-batch.js';
import type { Topics } from './topics.js';

/** Publishes every line and every state of a tree under the uuid of its agent. Returns the way to end that. */
export function broadcast(tree: Tree, topics: Topics): () => void {
  const broadcaster = new Broadcaster(tree, topics);
  return () => broadcaster.close();
}

class Broadcaster {
  readonly #tree: Tree;
  readonly #topics: Topics;
  /** Uuids and the ways to end the subscriptions to output, by path. */
  readonly #agents = new Map<string, { readonly uuid: string; readonly undo: () => void }>();
  readonly #batch = new ReportBatch((reports) => this.#publish(reports));
  readonly #unsubscribe: () => void;

  constructor(tree: Tree, topics: Topics) {
    this.#tree = tree;
    this.#topics = topics;
    this.#unsubscribe = tree.subscribe((report) => this.#take(report));
    for (const { uuid, path } of tree.agents()) this.#watch(path, uuid);
  }

  close(): void {
    this.#batch.flush();
    this.#unsubscribe();
    for (const { undo } of this.#agents.values()) undo();
    this.#agents.clear();
  }

  #take(report: Report): void {
    // Told again for the same uuid when a supervisor was restarted: the output is a new one then.
    if (report.type === 'created') this.#watch(report.path, report.uuid);
    else if (report.type === 'removed') this.#forget(report.path);
    else if (CHANGES.has(report.type)) {
      const uuid = this.#agents.get(report.path)?.uuid;
      if (uuid !== undefined && this.#topics.isWanted(uuid)) this.#batch.add(report);
    }
  }

  #watch(path: string, uuid: string): void {
    this.#agents.get(path)?.undo();
    const frames = new LogFrames(uuid);
    const undo = this.#tree.agent(uuid).onOutput((line) => this.#topics.publish(uuid, () => frames.encode(line)));
    this.#agents.set(path, { uuid, undo });
  }

  #forget(path: string): void {
    this.#batch.flush();
    this.#agents.get(path)?.undo();
    this.#agents.delete(path);
  }

  #publish(reports: readonly Report[]): void {
    const views = new Map(reports.map(({ path }) => [path, this.#viewOf(path)]));
    for (const report of reports) {
      const uuid = this.#agents.get(report.path)?.uuid;
      const view = views.get(report.path) ?? null;
      if (uuid === undefined) continue;
      this.#topics.publish(uuid, () => encode<'status_update'>(statusUpdate(uuid, view, report)));
    }
  }

  /** `null` for an agent that is gone already. */
  #viewOf(path: string): AgentView | null {
    const uuid = this.#agents.get(path)?.uuid;
    try {
      return uuid === undefined ? null : this.#tree.agent(uuid).view();
    } catch {
      return null;
    }
  }
}

/** What a `status_update` is sent for. A pause and a resume change the state. */
const CHANGES: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'state',
  'restarting',
  'exhausted',
  'zombie',
  'error',
]);

function statusUpdate(uuid: string, view: AgentView | null, report: Report): Draft<'status_update'> {
  const state = report.type === 'state' ? report.state : (view?.state ?? 'stopped');
  return {
    type: 'status_update',
    agent_id: uuid,
    update_type: updateType(report, state),
    status: STATUS_OF[state],
    message: messageOf(report, view, state),
    data: view === null ? { state } : dataOf(view, state),
    timestamp: wireTime(report.at),
  };
}

function updateType({ type }: Report, state: AgentState): Draft<'status_update'>['update_type'] {
  if (type === 'restarting') return 'status_changed';
  return type === 'state' ? (UPDATE_TYPES[state] ?? 'status_changed') : 'error';
}

const UPDATE_TYPES: Readonly<Partial<Record<AgentState, Draft<'status_update'>['update_type']>>> = {
  completed: 'completed',
  stopped: 'terminated',
  failed: 'error',
  zombie: 'error',
};

/** The state with its sub-state, how it ended, or the report in words. */
function messageOf(report: Report, view: AgentView | null, state: AgentState): string {
  if (report.type !== 'state') return toText(report).slice(report.path.length + 1);
  if (view === null || view.state !== state) return state;
  const ended = state === 'completed' || state === 'failed';
  return ended && view.exit !== null ? `${state}: ${describeExit(view.exit)}` : view.detail;
}

/** Nothing of what the agent printed: whoever follows states need not be one who may read that. */
function dataOf({ path, detail, incarnation, restarts, health, retryIn, exit }: AgentView, state: AgentState): unknown {
  const ended = exit === null ? null : { code: exit.code, signal: exit.signal, cause: exit.cause, oom: exit.oom };
  return { path, state, detail, incarnation, restarts, health, retry_in: retryIn, exit: ended };
}
