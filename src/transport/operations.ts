import type { AgentView, SupervisorView, Usage } from '../actors/view.js';
import type { AgentInput } from '../model/input.js';
import type { ReportBody, SupervisorStatus } from '../model/report.js';
import type { PauseMode, StreamName } from '../model/spec.js';

/** An agent's row as it is told over the wire: its view with its use of the machine, `null` where it was not measured. */
export type AgentRow = AgentView & { readonly usage: Usage | null };

/** What `health` answers. Times are milliseconds. */
export interface ServerHealth {
  readonly healthy: boolean;
  readonly protocolVersion: string;
  readonly version: string;
  readonly serverId: string;
  readonly endpoints: readonly string[];
  readonly uptime: number;
  readonly agents: number;
  readonly active: number;
  readonly maxAgents: number;
  /** Agents by state. */
  readonly states: Readonly<Record<string, number>>;
}

export interface LogsQuery {
  readonly agent: string;
  readonly stream?: StreamName | 'both';
  readonly from?: number;
  readonly last?: number;
  /** At most so many lines; `next` leads to the rest. If not given, all. */
  readonly limit?: number;
}

/** A line of outputas it is told over the wire: `text` is UTF-8 with U+FFFD for what is not, `bytes` only when the text is not exact. */
export interface LineView {
  readonly seq: number;
  readonly stream: StreamName;
  readonly at: number;
  readonly partial: boolean;
  readonly text: string;
  readonly bytes?: Uint8Array;
}

export interface LogsPage {
  readonly lines: readonly LineView[];
  readonly dropped: number;
  readonly next: Readonly<Record<StreamName, number>>;
}

/** What an administrative call answers: the path of the child it was about. */
export interface ChildAnswer {
  readonly path: string;
}

/** For a lifecycle operation: `wait` answers when it is true, otherwise as soon as it is accepted. If not given, true. */
export interface LifecycleParams {
  readonly agent: string;
  readonly wait?: boolean;
}

/** A supervisor as a follower of the tree knows it. */
export interface SupervisorMark {
  readonly path: string;
  readonly status: SupervisorStatus | 'idle';
}

/** What `snapshot` answers: all that events tell about, after the event `seq` of this `epoch` and before any later one. */
export interface Snapshot {
  readonly epoch: string;
  readonly seq: number;
  readonly agents: readonly AgentView[];
  readonly supervisors: readonly SupervisorMark[];
}

/**
 * Published under the topic `events`: what happened, and what it left behind. `epoch` is another one after each start of the server;
 * in one epoch `seq` counts from 1 without a gap. Whoever misses a number, or meets another epoch, asks for a snapshot.
 */
export interface StreamEvent {
  readonly type: 'event';
  readonly epoch: string;
  readonly seq: number;
  readonly at: number;
  readonly path: string;
  /** A report; or `changed`, when something else about it is new; after `removed` nothing is left at the path or below it. */
  readonly event: ReportBody | { readonly type: 'changed' };
  /** The agent as the event left it. Absent when the event is about no agent, or when there is none at the path any more. */
  readonly agent?: AgentView;
  readonly supervisor?: SupervisorMark;
}

/**
 * Published under the topic `events` to say where the stream is: soon after a subscription began, and now and then while somebody
 * follows. With a `seq` that was not received something was missed. The first one says that the subscription is at work:
 * what happens from then on is received, so then is the time to ask for a snapshot.
 */
export interface StreamPosition {
  readonly type: 'position';
  readonly epoch: string;
  readonly seq: number;
  readonly at: number;
}

/** What `streams` answers. */
export interface Streams {
  /** Where to subscribe, the likeliest first: endpoints that whoever asked can reach. */
  readonly pubEndpoints: readonly string[];
  readonly epoch: string;
}

/**
 * The operations of a `tree_request`, our addition to the agent protocol: name, parameters, result. The wire form is
 * `{ type: 'tree_request', request_id, operation, params, progress? }`, answered by
 * `{ type: 'tree_response', request_id, success, data, error, code, remedy }`. With `progress: true` any number of
 * `{ type: 'tree_progress', request_id, path, state, detail }` come before it (a REQ socket must not ask for them).
 * This and the other requests that change something may also carry `idempotency_key` (the same request with the same key is done
 * once), `deadline` (how many ms are left for it) and `accepted` (asks for `{ type: 'accepted', request_id }` before the answer of
 * what takes long; not for a REQ socket either).
 */
export interface Operations {
  ps: { params: { usage?: boolean }; result: AgentRow[] };
  tree: { params: { usage?: boolean }; result: SupervisorView };
  status: { params: { agent: string; usage?: boolean }; result: AgentRow };
  /** Adds an agent (data only: no task, no logic) below `parent`; the root if not given. */
  spawn: { params: { spec: AgentInput; parent?: string; wait?: boolean }; result: AgentRow };
  start: { params: LifecycleParams; result: AgentRow };
  stop: { params: LifecycleParams; result: AgentRow };
  kill: { params: LifecycleParams; result: AgentRow };
  restart: { params: LifecycleParams; result: AgentRow };
  pause: { params: LifecycleParams & { mode?: PauseMode }; result: AgentRow };
  resume: { params: LifecycleParams; result: AgentRow };
  signal: { params: { agent: string; signal: string }; result: AgentRow };
  /** `end` closes standard input behind the data. */
  send: { params: { agent: string; data: string | Uint8Array; end?: boolean }; result: { bytes: number } };
  logs: { params: LogsQuery; result: LogsPage };
  health: { params: Record<string, never>; result: ServerHealth };
  snapshot: { params: Record<string, never>; result: Snapshot };
  streams: { params: Record<string, never>; result: Streams };
  /** OTP's administration of one supervisor; `path` is the root if not given. */
  terminate_child: { params: { path?: string; id: string }; result: ChildAnswer };
  restart_child: { params: { path?: string; id: string }; result: ChildAnswer };
  delete_child: { params: { path?: string; id: string }; result: ChildAnswer };
  add_child: { params: { path?: string; spec?: unknown }; result: ChildAnswer };
  which_children: { params: { path?: string }; result: { id: string; phase: string; generation: number }[] };
  count_children: {
    params: { path?: string };
    result: { specs: number; active: number; supervisors: number; workers: number };
  };
}

export type OperationName = keyof Operations;
export type ParamsOf<N extends OperationName> = Operations[N]['params'];
export type ResultOf<N extends OperationName> = Operations[N]['result'];

/** One interim word about a running request. */
export interface Progress {
  readonly path: string;
  readonly state: string;
  readonly detail: string;
}
