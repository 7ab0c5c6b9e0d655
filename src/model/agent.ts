import type { Cause } from './exit.js';
import type { PauseMode } from './spec.js';

/** The states of an agent in views, reports and commands. */
export type AgentState = 'spawning' | 'running' | 'paused' | 'stopping' | 'zombie' | 'failed' | 'completed' | 'stopped';

/** Every agent state. */
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
  /** The body runs. */
  | { readonly type: 'SPAWNED'; readonly incarnation: number; readonly pid: number | null; readonly at: number }
  /** The body never ran. No other fact follows. */
  | { readonly type: 'SPAWN_FAILED'; readonly incarnation: number; readonly detail: string; readonly at: number }
  | { readonly type: 'READY'; readonly incarnation: number; readonly at: number }
  /**
   * The main process ended; without code and signal it is not known how. `empty`: its process tree is empty too; `drained`: its output was read to the end.
   */
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
  /** The process tree is verified empty. Comes once, after EXITED unless that had `empty`; or alone when the start was cancelled. */
  | { readonly type: 'GONE'; readonly incarnation: number }
  /** The output was read to the end. */
  | { readonly type: 'DRAINED'; readonly incarnation: number }
  | { readonly type: 'FROZEN'; readonly incarnation: number; readonly at: number }
  | { readonly type: 'FREEZE_FAILED'; readonly incarnation: number; readonly detail: string }
  /** The body reports its health itself. */
  | { readonly type: 'HEALTH'; readonly incarnation: number; readonly health: Health; readonly at: number }
  /** The body requests so many more milliseconds (sd_notify EXTEND_TIMEOUT_USEC). */
  | { readonly type: 'EXTEND'; readonly incarnation: number; readonly ms: number };

/** Commands from the rest of the tree to an agent. `at` is wall-clock ms, `now` monotonic ms. */
export type AgentCommand =
  /**
   * `isKept`: an earlier program has started the incarnation, which is adopted. If not given, false. `ports`: those that it has. If not given, none. `unfinished`: the incarnation before it, which an earlier
   * program had begun to start when it was killed. If not given, `null`: there is none.
   */
  | {
      readonly type: 'START';
      readonly incarnation: number;
      readonly at: number;
      readonly now: number;
      readonly isKept?: boolean;
      readonly ports?: Readonly<Record<string, number>>;
      readonly unfinished?: number | null;
    }
  | { readonly type: 'STOP'; readonly cause: Cause; readonly brutal: boolean }
  | { readonly type: 'PAUSE'; readonly mode: PauseMode; readonly at: number; readonly now: number }
  | { readonly type: 'RESUME'; readonly now: number }
  | { readonly type: 'LEASED'; readonly incarnation: number; readonly ports: Readonly<Record<string, number>> }
  | { readonly type: 'LEASE_FAILED'; readonly incarnation: number; readonly detail: string; readonly at: number }
  /** A resource limit was exceeded: stop the agent without a restart, or end it so that its supervisor restarts it. */
  | {
      readonly type: 'LIMIT_PASSED';
      readonly incarnation: number;
      readonly cause: Cause;
      readonly detail: string;
      readonly action: 'restart' | 'stop';
    }
  /** No process of the running hook is left. `detail` says why it failed; empty when it succeeded. */
  | { readonly type: 'HOOK_ENDED'; readonly incarnation: number; readonly detail: string; readonly at: number }
  | { readonly type: 'PROBE_PASSED'; readonly incarnation: number; readonly at: number }
  /** A run of its liveness probe has failed. `final`: no further run is needed to end it. */
  | {
      readonly type: 'PROBE_FAILED';
      readonly incarnation: number;
      readonly detail: string;
      readonly final: boolean;
      readonly at: number;
    }
  /** The supervisor restarts it after so many ms. */
  | { readonly type: 'RETRY'; readonly delay: number }
  /** The planned restart is cancelled, because the supervisor ends. */
  | { readonly type: 'RETRY_CANCELLED' }
  | { readonly type: 'EXHAUSTED' };

/** Events that the chart sends to itself. */
export type AgentTimer = { readonly type: 'RUNTIME_OVER' };

export type AgentEvent = BodyFact | AgentCommand | AgentTimer;

/** True when the event belongs to another incarnation than `current`. */
export function isStale(event: AgentEvent, current: number): boolean {
  return event.type !== 'START' && 'incarnation' in event && event.incarnation !== current;
}

/** The most that all extensions of one start or one stop may add up to, in ms. */
export const MAX_EXTENSION = 300_000;
