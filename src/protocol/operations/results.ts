import type { AgentView, Usage } from '../../contract/view.js';
import type { Health } from '../../model/agent.js';
import type { ReportBody, SupervisorStatus } from '../../model/report.js';
import type { StreamName } from '../../model/spec.js';

/**
 * An agent in its wire form: its view with its resource usage, `null` when that was not measured; `over` is true for an ended agent that has left the
 * tree, and absent otherwise.
 */
export type AgentRow = AgentView & { readonly usage: Usage | null; readonly over?: boolean };

/** A running agent whose health is in doubt. */
export interface UnhealthyAgent {
  readonly path: string;
  readonly health: Health;
  /** Since when it has this health, in wall-clock ms; `null` while none was reported. */
  readonly since: number | null;
  /** Why its last liveness probe failed; empty when that passed, or without one. */
  readonly detail: string;
}

/** The result of `health`. Times are milliseconds. */
export interface ServerHealth {
  /** False when the tree has ended or is stopping, and when a supervisor that the caller may observe has failed. */
  readonly healthy: boolean;
  /** The failed supervisors, each as a sentence with its culprit. Absent from older servers. */
  readonly failed?: readonly string[];
  /** The running agents that are unhealthy, or whose last liveness probe failed. Absent from older servers. */
  readonly unhealthy?: readonly UnhealthyAgent[];
  /** The version of the agent protocol. */
  readonly protocolVersion: string;
  /** The version of supertree. */
  readonly version: string;
  /** A new id after each start of the server. */
  readonly serverId: string;
  /** The bound endpoints for requests. */
  readonly endpoints: readonly string[];
  readonly uptime: number;
  /** The number of agents that the caller may observe. */
  readonly agents: number;
  /** The number of those that have neither ended nor are zombies. */
  readonly active: number;
  /** The most agents that the server allows. */
  readonly maxAgents: number;
  /** The number of agents in each state; states without agents are left out. */
  readonly states: Readonly<Record<string, number>>;
}

/** The parameters of `logs`. Reading does not remove lines: a repetition returns the same ones. */
export interface LogsQuery {
  readonly agent: string;
  /** If not given, both, in the order in which they were read: for that in which they were written see `output.order`. */
  readonly stream?: StreamName | 'both';
  /** The first sequence number, of either stream. If not given, that of the oldest line in the rings. */
  readonly from?: number;
  /** Only the last so many lines. If not given, all. */
  readonly last?: number;
  /** At most so many lines; `next` continues with the rest. If not given, all. */
  readonly limit?: number;
}

/** One line of output in its wire form. */
export interface LineView {
  /** Its sequence number: from 0, for each agent and stream, continued over restarts. The `sequence` of a `log_stream`. */
  readonly seq: number;
  readonly stream: StreamName;
  /** When it was read, in ms since 1970. */
  readonly at: number;
  /** True for a piece of a line that was too long for one entry. */
  readonly partial: boolean;
  /** With its line end; bytes that are not UTF-8 are U+FFFD. */
  readonly text: string;
  /** The exact bytes; only present when `text` is not exact. */
  readonly bytes?: Uint8Array;
}

/** The result of `logs`. */
export interface LogsPage {
  /** Oldest first. */
  readonly lines: readonly LineView[];
  /** The number of requested lines that have left the rings. */
  readonly dropped: number;
  /** For each stream, the sequence number to continue from. */
  readonly next: Readonly<Record<StreamName, number>>;
  /** True when the agent has ended and will not be restarted: no further line follows. */
  readonly over?: boolean;
}

/** The result of an administrative operation. */
export interface ChildAnswer {
  /** The path of the child. */
  readonly path: string;
}

/** The status of a supervisor, for subscribers to events. */
export interface SupervisorMark {
  readonly path: string;
  /** `idle` before the first start. */
  readonly status: SupervisorStatus | 'idle';
}

/** The result of `snapshot`: the whole state after the event `seq` of this `epoch`, before any later one. */
export interface Snapshot {
  readonly epoch: string;
  /** The number of the last event that it includes; events with higher numbers are to be applied to it. */
  readonly seq: number;
  /** In tree order; for a key, only those that it may observe. */
  readonly agents: readonly AgentView[];
  /** Supervisors and pools, in tree order. */
  readonly supervisors: readonly SupervisorMark[];
}

/**
 * Published under the topic `events`: a report and the state after it. `epoch` is new after each start of the server; in one epoch `seq` counts from 1
 * without a gap. After a missing number, or with another epoch, a subscriber requests a snapshot.
 */
export interface StreamEvent {
  readonly type: 'event';
  readonly epoch: string;
  readonly seq: number;
  /** When it happened, in ms since 1970. */
  readonly at: number;
  /** The path of the agent or the supervisor. */
  readonly path: string;
  /** A report; or `changed` for another change of the view. After `removed` nothing is left at the path or below it. */
  readonly event: ReportBody | { readonly type: 'changed' };
  /** The agent after the event. Absent when the event is not about an agent, or when none is left at the path. */
  readonly agent?: AgentView;
  /** The supervisor after the event. Absent when the event is not about one. */
  readonly supervisor?: SupervisorMark;
}

/**
 * Published under the topic `events` to give the position of the stream: soon after a subscription began, and at an interval while there are subscribers.
 * A `seq` that was not received reveals a loss. The first position shows that the subscription is active: all later events are received, so it is the
 * time to request a snapshot.
 */
export interface StreamPosition {
  readonly type: 'position';
  readonly epoch: string;
  /** The number of the last event; 0 before the first one. */
  readonly seq: number;
  /** The time of publication, in ms since 1970. */
  readonly at: number;
}

/** The result of `streams`. */
export interface Streams {
  /** The endpoints that the caller can subscribe at, the likeliest first. Empty when the server publishes nothing. */
  readonly pubEndpoints: readonly string[];
  /** The present epoch of the events. */
  readonly epoch: string;
}

/** One interim message about a running request: its agent has entered another state. */
export interface Progress {
  readonly path: string;
  readonly state: string;
  /** The state with its sub-states, as `detail` of an agent. */
  readonly detail: string;
}
