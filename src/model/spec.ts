/*
 * The normalised form of a tree, with every default filled in. The input form is in input.ts; normalise.ts turns it into this one. All times are
 * milliseconds, all sizes bytes.
 */

import type { Hooks, ProcessPlan } from './process.js';

/** Which ends of a child lead to a restart (R1, R2, R3). */
export type RestartType = 'permanent' | 'transient' | 'temporary';

/** Which siblings are restarted with a failed child (T1, T2, T3). */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';

/** What happens when the budget is exceeded. */
export type OnExhausted = 'escalate' | 'fail' | 'cooldown';

export type AutoShutdown = 'never' | 'any_significant' | 'all_significant';

export type StreamName = 'stdout' | 'stderr';

export type PauseMode = 'forced' | 'cooperative';

export type LimitAction = 'report' | 'restart' | 'stop';

export interface Budget {
  readonly maxRestarts: number;
  readonly within: number;
}

export interface Backoff {
  readonly initial: number;
  readonly factor: number;
  readonly max: number;
  /** The share of a delay that jitter may take off, 0 to 1. */
  readonly jitter: number;
  /** After so long ready, the next delay starts from `initial` again. */
  readonly resetAfter: number;
}

export interface PortRequest {
  readonly name: string;
  readonly preferred: number | null;
}

export type Readiness =
  | { readonly type: 'none'; readonly minUptime: number; readonly timeout: number }
  | { readonly type: 'port'; readonly port: string; readonly interval: number; readonly timeout: number }
  | {
      readonly type: 'http';
      readonly port: string;
      /** Begins with a slash. */
      readonly path: string;
      readonly interval: number;
      readonly timeout: number;
    }
  | {
      readonly type: 'log';
      readonly pattern: string;
      /** The flags of a RegExp; empty for a pattern that was given as a string. */
      readonly flags: string;
      readonly stream: StreamName | 'both';
      readonly timeout: number;
    }
  | { readonly type: 'exec'; readonly command: readonly string[]; readonly interval: number; readonly timeout: number }
  | { readonly type: 'notify'; readonly timeout: number };

/** Which processes get the stop signal. */
export type StopScope = 'tree' | 'main';

/** The times of a liveness, and the failures in a row that end the agent. */
interface LivenessTimes {
  readonly initialDelay: number;
  readonly timeout: number;
  readonly failures: number;
}

/** A liveness that is probed every `period`. */
export type ProbedLiveness = LivenessTimes & { readonly period: number } & (
    | { readonly type: 'http'; readonly port: string; readonly path: string }
    | { readonly type: 'tcp'; readonly port: string }
    | { readonly type: 'exec'; readonly command: readonly string[] }
  );

/** A liveness that is lost by silence. */
export type HeardLiveness = LivenessTimes &
  ({ readonly type: 'notify' } | { readonly type: 'idle'; readonly stream: StreamName | 'both' });

export type Liveness = ProbedLiveness | HeardLiveness;

/** The stages of a stop. `ask` may be `Infinity`; `brutal` skips the first two. */
export interface StopPlan {
  readonly brutal: boolean;
  readonly signal: string;
  /** A line written to standard input instead of the signal; `null` for the signal. */
  readonly message: string | null;
  /** How long after standard input is closed, before the first signal; `null` when it is not closed. */
  readonly closeInput: number | null;
  readonly scope: StopScope;
  readonly ask: number;
  readonly insist: number;
  readonly kill: number;
  readonly drain: number;
}

export interface ResourceLimit {
  readonly max: number;
  readonly action: LimitAction;
}

export interface Limits {
  /** Bytes of memory of the whole process tree: PSS, or RSS where that cannot be read. */
  readonly memory: ResourceLimit | null;
  /** Percent of one core of the whole process tree. */
  readonly cpu: ResourceLimit | null;
}

/** One pipe for each of standard output and standard error, or a common one. */
export type OutputOrder = 'separate' | 'merged';

export interface OutputPlan {
  /** The size of each stream's ring, in bytes. */
  readonly bytes: number;
  /** The number of lines in each stream's ring. */
  readonly lines: number;
  /** A longer line is split into numbered parts. */
  readonly lineBytes: number;
  readonly order: OutputOrder;
}

/**
 * Any actor logic of XState: a machine, or what `fromPromise`, `fromCallback` and their like make. Its parts are XState's own and are not called here;
 * its types are left out, so that what only names a tree can be compiled without those of XState.
 */
export interface AnyLogic {
  readonly transition: unknown;
  readonly getInitialSnapshot: unknown;
  readonly getPersistedSnapshot: unknown;
}

export type Body =
  | { readonly type: 'command'; readonly command: readonly string[] }
  | { readonly type: 'task'; readonly task: TaskBody }
  | { readonly type: 'logic'; readonly logic: AnyLogic; readonly input: unknown };

/** The argument of a task. The task ends by returning (exit 0) or throwing (exit 1); `signal` is aborted when it is asked to stop. */
export interface TaskContext {
  readonly id: string;
  readonly path: string;
  readonly incarnation: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly signal: AbortSignal;
  /** Reports that it is ready. Needed only with readiness `notify`. */
  ready(): void;
  /** Writes a line to the agent's own output. */
  log(line: string): void;
  /** Calls `listener` with every text that is written to the agent's standard input. Returns a function that removes the listener. */
  onInput(listener: (text: string) => void): () => void;
}

export type TaskBody = (context: TaskContext) => Promise<void> | void;

export interface AgentSpec {
  readonly kind: 'agent';
  readonly id: string;
  /** The siblings that must have been ready before its first start. */
  readonly after: readonly string[];
  readonly body: Body;
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly restart: RestartType;
  readonly significant: boolean;
  readonly ports: readonly PortRequest[];
  readonly readiness: Readiness;
  /** `null`: its health is not probed. */
  readonly liveness: Liveness | null;
  readonly stop: StopPlan;
  readonly pause: PauseMode;
  readonly successCodes: readonly number[];
  readonly limits: Limits;
  /** The longest runtime of one incarnation, pauses excluded. Infinity for no limit. */
  readonly maxRuntime: number;
  readonly output: OutputPlan;
  readonly process: ProcessPlan;
  readonly hooks: Hooks;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The common fields of supervisors and pools. */
interface SupervisionSpec {
  readonly id: string;
  /** The siblings that must have been ready before its first start. */
  readonly after: readonly string[];
  readonly restart: RestartType;
  readonly significant: boolean;
  readonly budget: Budget;
  readonly backoff: Backoff;
  readonly onExhausted: OnExhausted;
  /** With `onExhausted: 'cooldown'`: the delay before the one attempt. */
  readonly cooldown: number;
  readonly otpExact: boolean;
}

export interface SupervisorSpec extends SupervisionSpec {
  readonly kind: 'supervisor';
  readonly strategy: Strategy;
  readonly autoShutdown: AutoShutdown;
  /** `sequence`: each child is ready before the next starts. `parallel`: those that do not depend on each other start together. */
  readonly start: 'sequence' | 'parallel';
  /** `strict`: a failed first start fails the supervisor (S2). `retry`: it is charged and retried. */
  readonly boot: 'strict' | 'retry';
  readonly children: readonly NodeSpec[];
}

export interface PoolSpec extends SupervisionSpec {
  readonly kind: 'pool';
  readonly size: number;
  readonly max: number;
  /** The most instances that may be starting at once. */
  readonly concurrency: number;
  /** The template of the instances; its id is replaced by 1, 2, 3, ... */
  readonly template: AgentSpec;
}

export type NodeSpec = AgentSpec | SupervisorSpec | PoolSpec;
