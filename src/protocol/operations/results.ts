import type { AgentView, Usage } from '../../contract/view.js';
import type { ReportBody, SupervisorStatus } from '../../model/report.js';
import type { StreamName } from '../../model/spec.js';

/**
 * An agent's row as it is told over the wire: its view with its use of the machine, `null` where it was not measured; `over` is true for one
 * that was taken out of the tree when it ended, and absent for any other.
 */
export type AgentRow = AgentView & { readonly usage: Usage | null; readonly over?: boolean };

/** What `health` answers. Times are milliseconds. */
export interface ServerHealth {
  /** False when the tree has ended or is stopping, and when a supervisor failed that the caller may see. */
  readonly healthy: boolean;
  /** The supervisors that failed, each as a sentence with the agent that made it fail. Absent from servers that do not say. */
  readonly failed?: readonly string[];
  /** Of the agent protocol. */
  readonly protocolVersion: string;
  /** Of supertree. */
  readonly version: string;
  /** Another one after each start of the server. */
  readonly serverId: string;
  /** Where requests go, as they are bound. */
  readonly endpoints: readonly string[];
  readonly uptime: number;
  /** How many agents whoever asks may see. */
  readonly agents: number;
  /** How many of them are neither over nor a zombie. */
  readonly active: number;
  /** How many agents there may be in all. */
  readonly maxAgents: number;
  /** How many agents there are in each state; a state that none is in is left out. */
  readonly states: Readonly<Record<string, number>>;
}

/** What `logs` is asked for. Reading takes nothing away: who asks again gets the same lines. */
export interface LogsQuery {
  readonly agent: string;
  /** If not given, both, in the order in which they were written. */
  readonly stream?: StreamName | 'both';
  /** The first number that is wanted, of either stream. If not given, as far back as lines are kept. */
  readonly from?: number;
  /** Only the last so many lines. If not given, all. */
  readonly last?: number;
  /** At most so many lines; `next` leads to the rest. If not given, all. */
  readonly limit?: number;
}

/** One line of output as it is told over the wire. */
export interface LineView {
  /** Its number: from 0, for each agent and stream, going on over restarts of the agent. The `sequence` of a `log_stream`. */
  readonly seq: number;
  readonly stream: StreamName;
  /** When it was read, in ms since 1970. */
  readonly at: number;
  /** True for a piece of a line that was too long to be kept as one. */
  readonly partial: boolean;
  /** With its line end; as UTF-8, with U+FFFD for what is not. */
  readonly text: string;
  /** The line exactly; only there when `text` is not exact. */
  readonly bytes?: Uint8Array;
}

/** What `logs` answers. */
export interface LogsPage {
  /** Oldest first. */
  readonly lines: readonly LineView[];
  /** How many lines were asked for and are not kept any more. */
  readonly dropped: number;
  /** For each stream the number from which to go on reading. */
  readonly next: Readonly<Record<StreamName, number>>;
  /** True when the agent is over for good: no line comes after those that there are. */
  readonly over?: boolean;
}

/** What an administrative call answers. */
export interface ChildAnswer {
  /** Of the child that it was about. */
  readonly path: string;
}

/** A supervisor as a follower of the tree knows it. */
export interface SupervisorMark {
  readonly path: string;
  /** `idle` before it is started for the first time. */
  readonly status: SupervisorStatus | 'idle';
}

/** What `snapshot` answers: all that events tell about, after the event `seq` of this `epoch` and before any later one. */
export interface Snapshot {
  readonly epoch: string;
  /** Events up to this one are in it; those that come later with a higher number are to be applied to it. */
  readonly seq: number;
  /** In tree order; for a key, those that it may observe. */
  readonly agents: readonly AgentView[];
  /** Supervisors and pools, in tree order. */
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
  /** When it happened, in ms since 1970. */
  readonly at: number;
  /** Of the agent or the supervisor that it is about. */
  readonly path: string;
  /** A report; or `changed`, when something else about it is new; after `removed` nothing is left at the path or below it. */
  readonly event: ReportBody | { readonly type: 'changed' };
  /** The agent as the event left it. Absent when the event is about no agent, or when there is none at the path any more. */
  readonly agent?: AgentView;
  /** The supervisor as the event left it. Absent when the event is about none. */
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
  /** The number of the last event; 0 before the first one. */
  readonly seq: number;
  /** When it was said, in ms since 1970. */
  readonly at: number;
}

/** What `streams` answers. */
export interface Streams {
  /** Where to subscribe, the likeliest first: endpoints that whoever asked can reach. Empty when the server publishes nowhere. */
  readonly pubEndpoints: readonly string[];
  /** That of the events at present. */
  readonly epoch: string;
}

/** One interim word about a running request: the agent that it is about has come into another state. */
export interface Progress {
  readonly path: string;
  readonly state: string;
  /** With sub-states, as `detail` of an agent. */
  readonly detail: string;
}
