import type { AgentHandle, AgentView, OutputLine } from '../../contract/view.js';
import type { AgentState } from '../../model/agent.js';
import { describeExit } from '../../model/reason.js';
import { type Report, toText } from '../../model/report.js';
import { encode } from '../../protocol/decode.js';
import { LogFrames } from '../../protocol/log-frames.js';
import type { Draft } from '../../protocol/protocol.js';
import { STATUS_OF, wireTime } from '../../protocol/status.js';
import { type FollowedReport, type FullState, type ReportConsumer, stateAfter } from './report-fan-out.js';
import type { Topics } from './topics.js';

/** Publishes every line and every state of a tree under the uuid of its agent. `close` ends that. */
export class StatusBroadcast implements ReportConsumer {
  readonly #topics: Topics;
  /** By uuid: what ends the subscription to the output of an agent. */
  readonly #outputs = new Map<string, () => void>();

  constructor(topics: Topics) {
    this.#topics = topics;
  }

  close(): void {
    for (const unsubscribe of this.#outputs.values()) unsubscribe();
    this.#outputs.clear();
  }

  created(agent: AgentHandle): void {
    const { uuid } = agent;
    let frames: LogFrames | undefined;
    const publish = (line: OutputLine): void =>
      this.#topics.publish(uuid, () => {
        frames ??= new LogFrames(uuid);
        return frames.encode(line);
      });
    this.#outputs.set(uuid, agent.onOutput(publish));
  }

  removed({ uuid }: AgentHandle): void {
    this.#outputs.get(uuid)?.();
    this.#outputs.delete(uuid);
  }

  take(reports: readonly FollowedReport[]): void {
    const last = new Map<string, Report>();
    for (const { report } of reports) if (CHANGES.has(report.type)) last.set(report.path, report);
    for (const { report, agent } of reports) {
      if (agent === undefined || !CHANGES.has(report.type)) continue;
      this.#topics.publish(agent.uuid, () => statusUpdate(report, agent.view(), last.get(report.path) === report));
    }
  }
}

/** The reports that cause a `status_update`. A pause and a resume change the state. */
const CHANGES: ReadonlySet<Report['type']> = new Set<Report['type']>([
  'state',
  'substate',
  'restarting',
  'exhausted',
  'zombie',
  'error',
]);

/** Without output of the agent: a subscriber to states may lack the role to read output. */
function statusUpdate(report: Report, view: AgentView, isLast: boolean): Buffer {
  const after = stateAfter(report, isLast ? view : null) ?? view;
  const { path, incarnation, restarts, health, retryIn, exit } = view;
  const { state, detail } = after;
  const ended = exit === null ? null : { code: exit.code, signal: exit.signal, cause: exit.cause, oom: exit.oom };
  return encode<'status_update'>({
    type: 'status_update',
    agent_id: view.uuid,
    update_type: updateType(report, state),
    status: STATUS_OF[state],
    message: textOf(report, view, after),
    data: { path, state, detail, incarnation, restarts, health, retry_in: retryIn, exit: ended },
    timestamp: wireTime(report.at),
  });
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

/** The state with its sub-state, the end, or the report, as text. */
function textOf(report: Report, view: AgentView, { state, detail }: FullState): string {
  if (report.type !== 'state' && report.type !== 'substate') return toText(report).slice(report.path.length + 1);
  const ended = state === 'completed' || state === 'failed';
  return ended && view.state === state && view.exit !== null ? `${state}: ${describeExit(view.exit)}` : detail;
}
