import type { Cause } from './exit.js';
import type { PauseMode } from './spec.js';

/** The states of an agent that a person sees. */
export type AgentState = 'spawning' | 'running' | 'paused' | 'stopping' | 'zombie' | 'failed' | 'completed' | 'stopped';

/** All of them. */
export const AGENT_STATES: readonly AgentState[] = [
  'spawning',
  'running',
  'paused',
  'stopping',
  'zombie',
  'failed',
  'completed',
  'stopped',
];

export type Health = 'unknown' | 'healthy' | 'unhealthy';

/** A process that keeps an agent from being gone. */
export interface Blocker {
  readonly pid: number;
  /** As in /proc/PID/stat: R, S, D, Z, T, t; `-` when it cannot be read. */
  readonly state: string;
  readonly command: string;
}

/** What a body (a process, a task, a logic) reports to its agent. Each carries the incarnation it belongs to. Times are wall-clock ms. */
export type BodyFact =
  /** It runs. */
  | { readonly type: 'SPAWNED'; readonly incarnation: number; readonly pid: number | null; readonly at: number }
  /** It never ran. Nothing else follows. */
  | { readonly type: 'SPAWN_FAILED'; readonly incarnation: number; readonly detail: string; readonly at: number }
  | { readonly type: 'READY'; readonly incarnation: number; readonly at: number }
  /** The main process ended. `empty`: nothing of its tree is left; `drained`: its output is read to the end. */
  | {
      readonly type: 'EXITED';
      readonly incarnation: number;
      readonly code: number | null;
      readonly signal: string | null;
      readonly detail: string;
      readonly oom: boolean;
      readonly empty: boolean;
      readonly drained: boolean;
      readonly at: number;
    }
  /** Its tree is verified empty. Comes once, after EXITED, unless EXITED said so; or alone when it was cancelled before it ran. */
  | { readonly type: 'GONE'; readonly incarnation: number }
  /** Its output is read to the end. */
  | { readonly type: 'DRAINED'; readonly incarnation: number }
  | { readonly type: 'FROZEN'; readonly incarnation: number; readonly at: number }
  | { readonly type: 'FREEZE_FAILED'; readonly incarnation: number; readonly detail: string }
  | { readonly type: 'HEALTH'; readonly incarnation: number; readonly health: Health }
  /** It asks for so many more milliseconds (sd_notify EXTEND_TIMEOUT_USEC). */
  | { readonly type: 'EXTEND'; readonly incarnation: number; readonly ms: number };

/** What the rest of the tree sends to an agent. `at` is wall-clock ms, `now` monotonic ms. */
export type AgentCommand =
  | { readonly type: 'START'; readonly incarnation: number; readonly at: number; readonly now: number }
  | { readonly type: 'STOP'; readonly cause: Cause; readonly brutal: boolean }
  | { readonly type: 'PAUSE'; readonly mode: PauseMode; readonly at: number; readonly now: number }
  | { readonly type: 'RESUME'; readonly now: number }
  | { readonly type: 'LEASED'; readonly incarnation: number; readonly ports: Readonly<Record<string, number>> }
  | { readonly type: 'LEASE_FAILED'; readonly incarnation: number; readonly detail: string; readonly at: number }
  /** A resource limit was passed: end it, for good or so that its supervisor starts it again. */
  | {
      readonly type: 'LIMIT_PASSED';
      readonly incarnation: number;
      readonly cause: Cause;
      readonly detail: string;
      readonly action: 'restart' | 'stop';
    }
  /** Its supervisor tries it again after so many ms. */
  | { readonly type: 'RETRY'; readonly delay: number }
  /** The next try does not come: its supervisor ends. */
  | { readonly type: 'RETRY_CANCELLED' }
  | { readonly type: 'EXHAUSTED' };

/** What the chart sends to itself. */
export type AgentTimer = { readonly type: 'RUNTIME_OVER' };

export type AgentEvent = BodyFact | AgentCommand | AgentTimer;

/** True when the fact speaks of an incarnation that is not `current`. */
export function isStale(event: AgentEvent, current: number): boolean {
  return event.type !== 'START' && 'incarnation' in event && event.incarnation !== current;
}

/** The most that an agent may extend one start or one stop in all, in ms, however often it asks. */
export const MAX_EXTENSION = 300_000;
