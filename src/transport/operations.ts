import type { AgentView, ChildAnswer, LineView, SupervisorView, Usage } from '../actors/view.js';
import type { AgentInput } from '../model/input.js';
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
}

export interface LogsPage {
  readonly lines: readonly LineView[];
  readonly dropped: number;
  readonly next: Readonly<Record<StreamName, number>>;
}

/** For a lifecycle operation: `wait` answers when it is true, otherwise as soon as it is accepted. If not given, true. */
export interface LifecycleParams {
  readonly agent: string;
  readonly wait?: boolean;
}

/**
 * The operations of a `tree_request`, our addition to the agent protocol: name, parameters, result. The wire form is
 * `{ type: 'tree_request', request_id, operation, params, progress? }`, answered by
 * `{ type: 'tree_response', request_id, success, data, error, code, remedy }`. With `progress: true` any number of
 * `{ type: 'tree_progress', request_id, path, state, detail }` come before it (a REQ socket must not ask for them).
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
