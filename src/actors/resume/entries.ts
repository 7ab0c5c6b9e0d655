import type { AgentState } from '../../model/agent.js';
import type { ChildPast } from '../../model/earlier.js';
import type { ExitRecord } from '../../model/exit.js';
import type { End } from '../../model/fact.js';
import type { Failure } from '../../model/report.js';
import type { NodeSpec, PauseMode, StreamName } from '../../model/spec.js';

/* The entries of a tree in a store. Times are wall-clock ms, those in `past` as well. No path contains a space. */

/** What is known of an agent beside its spec. */
export interface AgentEntry {
  readonly uuid: string;
  readonly createdAt: number;
  /** The last started incarnation. */
  readonly incarnation: number;
  readonly starts: number;
  readonly state: AgentState;
  readonly detail: string;
  readonly since: number;
  /** Of the last incarnation. */
  readonly readyAt: number | null;
  readonly pausedAt: number | null;
  readonly pauseMode: PauseMode | null;
  readonly ports: Readonly<Record<string, number>>;
  /** The numbers of the first lines of the last incarnation. */
  readonly lines: Readonly<Record<StreamName, number>>;
  /** The numbers of the lines that come next. */
  readonly next: Readonly<Record<StreamName, number>>;
  readonly exit: ExitRecord | null;
  readonly past: ChildPast | null;
}

/** How a supervisor has ended. */
export interface SupervisorRest {
  readonly end: End;
  /** The culprit of its failure; `null` when it was stopped. */
  readonly failure: Failure | null;
}

/** What is known of a supervisor or a pool beside its spec. */
export interface SupervisorEntry {
  /** `null` while it has not ended. */
  readonly rest: SupervisorRest | null;
  readonly stamps: readonly number[];
  /** As a child of the supervisor above it; `null` for the root. */
  readonly past: ChildPast | null;
}

/** Receives the changes that no report tells of, for a successor of the program. */
export interface ChangeNotes {
  /** The output of the agent at that path has another `begins`. */
  noteChanged(path: string): void;
  /** A child was added to those of the spec of its supervisor. */
  noteAdded(path: string, spec: NodeSpec): void;
  /** The child at that path was removed. */
  forget(path: string): void;
}

export const agentKey = (path: string): string => `agent ${path}`;
export const supervisorKey = (path: string): string => `supervisor ${path}`;

/** The spec of a child that was added. */
export const specKey = (path: string): string => `spec ${path}`;

/** True for a spec of plain data: functions and logics cannot be stored. */
export function isStorable(spec: NodeSpec): boolean {
  if (spec.kind === 'supervisor') return spec.children.every(isStorable);
  return (spec.kind === 'pool' ? spec.template : spec).body.type === 'command';
}
