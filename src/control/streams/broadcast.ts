import type { AgentHandle, AgentView, Tree } from '../../contract/view.js';
import type { AgentState } from '../../model/agent.js';
import { describeExit } from '../../model/reason.js';
import { type Report, toText } from '../../model/report.js';
import { encode } from '../../protocol/decode.js';
import { LogFrames } from '../../protocol/log-frames.js';
import type { Draft } from '../../protocol/protocol.js';
import { STATUS_OF, wireTime } from '../../protocol/status.js';
import { type Place, placeOf, ReportBatch } from './report-batch.js';
import type { Topics } from './topics.js';

/**
 * Publishes every line and every state of a tree under the uuid of its agent. `take` is to be called with every report of the tree; `close` publishes
 * what waits and ends it.
 */
export class StatusBroadcast {
  readonly #tree: Tree;
  readonly #topics: Topics;
  /** By path. The handle of an agent that is gone still shows how it ended; `unsubscribe` ends the subscription to its output. */
  readonly #agents = new Map<string, { readonly agent: AgentHandle; readonly unsubscribe: () => void }>();
  readonly #batch = new ReportBatch((reports) => this.#publish(reports));

  constructor(tree: Tree, topics: Topics) {
    this.#tree = tree;
    this.#topics = topics;
    for (const { uuid, path } of tree.agents()) this.#watch(path, uuid);
  }

  close(): void {
    this.#batch.flush();
    for (const { unsubscribe } of this.#agents.values()) unsubscribe();
    this.#agents.clear();
  }

  take(report: Report): void {
    // A supervisor that is restarted creates its agents again, with the same uuids and a new output.
    if (report.type === 'created') this.#watch(report.path, report.uuid);
    else if (report.type === 'removed') this.#forget(report.path);
    else if (CHANGES.has(report.type)) {
      const uuid = this.#agents.get(report.path)?.agent.uuid;
      if (uuid !== undefined && this.#topics.hasSubscriber(uuid)) this.#batch.add(report);
    }
  }

  #watch(path: string, uuid: string): void {
    this.#agents.get(path)?.unsubscribe();
    const frames = new LogFrames(uuid);
    const agent = this.#tree.agent(uuid);
    const unsubscribe = agent.onOutput((line) => this.#topics.publish(uuid, () => frames.encode(line)));
    this.#agents.set(path, { agent, unsubscribe });
  }

  #forget(path: string): void {
    this.#batch.flush();
    this.#agents.get(path)?.unsubscribe();
    this.#agents.delete(path);
  }

  #publish(reports: readonly Report[]): void {
    const last = new Map(reports.map((report) => [report.path, report]));
    const views = new Map([...last.keys()].map((path) => [path, this.#agents.get(path)?.agent.view()]));
    for (const report of reports) {
      const view = views.get(report.path);
      if (view === undefined) continue;
      const place = placeOf(report, last.get(report.path) === report ? view : null) ?? view;
      this.#topics.publish(view.uuid, () => encode<'status_update'>(statusUpdate(view, place, report)));
    }
  }
}

/** The reports that a `status_update` is sent for. A pause and a resume change the state. */
const CHANGES: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'state',
  'substate',
  'restarting',
  'exhausted',
  'zombie',
  'error',
]);

function statusUpdate(view: AgentView, place: Place, report: Report): Draft<'status_update'> {
  return {
    type: 'status_update',
    agent_id: view.uuid,
    update_type: updateType(report, place.state),
    status: STATUS_OF[place.state],
    message: textOf(report, view, place),
    data: dataOf(view, place),
    timestamp: wireTime(report.at),
  };
}

function updateType({ type }: Report, state: AgentState): Draft<'status_update'>['update_type'] {
  if (type === 'state') return UPDATE_TYPES[state] ?? 'status_changed';
  return type === 'substate' || type === 'restarting' ? 'status_changed' : 'error';
}

const UPDATE_TYPES: Readonly<Partial<Record<AgentState, Draft<'status_update'>['update_type']>>> = {
  completed: 'completed',
  stopped: 'terminated',
  failed: 'error',
  zombie: 'error',
};

/** The state with its sub-state, how it ended, or the report in words. */
function textOf(report: Report, view: AgentView, { state, detail }: Place): string {
  if (report.type !== 'state' && report.type !== 'substate') return toText(report).slice(report.path.length + 1);
  const ended = state === 'completed' || state === 'failed';
  return ended && view.state === state && view.exit !== null ? `${state}: ${describeExit(view.exit)}` : detail;
}

/** Nothing of what the agent printed: a subscriber to states need not be allowed to read output. */
function dataOf({ path, incarnation, restarts, health, retryIn, exit }: AgentView, { state, detail }: Place): unknown {
  const ended = exit === null ? null : { code: exit.code, signal: exit.signal, cause: exit.cause, oom: exit.oom };
  return { path, state, detail, incarnation, restarts, health, retry_in: retryIn, exit: ended };
}
