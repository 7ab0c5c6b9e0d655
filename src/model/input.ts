import type { AnyActorLogic } from 'xstate';
import type {
  AutoShutdown,
  LimitAction,
  OnExhausted,
  PauseMode,
  RestartType,
  Strategy,
  StreamName,
  TaskBody,
} from './spec.js';

/** What a person writes. Every field but `id` and the body has a default. Times are milliseconds, sizes bytes. */

export type ReadinessInput =
  /** Ready when alive for `minUptime`. If not given, 0: ready as soon as the program runs. */
  | { type: 'none'; minUptime?: number }
  /** Ready when the leased port accepts. `port`: its name. If not given, the first one. `interval`: if not given, 50. */
  | { type: 'port'; port?: string; interval?: number; timeout?: number }
  /** Ready when a line matches the regular expression. `stream`: if not given, both. */
  | { type: 'log'; pattern: string; stream?: StreamName | 'both'; timeout?: number }
  /** Ready when the command exits with 0. `interval`: between tries; if not given, 500. */
  | { type: 'exec'; command: readonly string[]; interval?: number; timeout?: number }
  /** Ready when the agent writes a newline or `READY=1` to the descriptor in SUPERTREE_NOTIFY_FD (sd_notify(3) words). */
  | { type: 'notify'; timeout?: number };

export interface StopInput {
  /** The first signal. If not given, SIGTERM. */
  signal?: string;
  /** A line to write to standard input instead of the signal. If not given, the signal is sent. */
  message?: string;
  /** How long the agent is asked before it is asked again. If not given, 10000. `infinity` waits for ever. */
  ask?: number | 'infinity';
  /** How long it is asked the second time before SIGKILL. If not given, 5000. */
  insist?: number;
  /** How long after SIGKILL before it is called a zombie. If not given, 5000. */
  kill?: number;
  /** How long output is still read after the last process is gone. If not given, 1000. */
  drain?: number;
}

export interface LimitInput {
  max: number;
  /** If not given, restart. */
  action?: LimitAction;
}

/** An agent: exactly one of `command`, `task`, `logic`. Only a command has `cwd`, `env`, `limits` and `stop.signal`; a logic has no `ports`. */
export interface AgentInput {
  /** Unique among its siblings, matches ^[A-Za-z][\w.-]*$. */
  id: string;
  /** Program and arguments. No shell is involved. */
  command?: readonly string[];
  /** An async function that runs in this process. */
  task?: TaskBody;
  /** Any XState actor logic, run in this process. */
  logic?: AnyActorLogic;
  /** The input of `logic`. */
  input?: unknown;
  /** If not given, the working directory of the supervisor. */
  cwd?: string;
  /** Added to the environment of the supervisor. If not given, nothing. */
  env?: Readonly<Record<string, string>>;
  /** If not given, permanent. */
  restart?: RestartType;
  /** If not given, false. */
  significant?: boolean;
  /** Names of the ports it is given. If not given, none. The first one is PORT, each one PORT_<NAME>. */
  ports?: readonly (string | { name: string; preferred?: number })[];
  /** If not given, `none`. Every timeout: if not given, 30000. */
  readiness?: ReadinessInput;
  /** If not given, SIGTERM, 10 s, SIGTERM, 5 s, SIGKILL, 5 s. */
  stop?: StopInput | 'brutal_kill' | 'infinity';
  /** How `pause` works when the caller does not say. If not given, forced. */
  pause?: PauseMode;
  /** Exit codes that mean done. If not given, [0]. */
  successCodes?: readonly number[];
  /** If not given, none, and nothing is sampled. */
  limits?: { memory?: LimitInput; cpu?: LimitInput };
  /** It is stopped after so long, from its launch and without the time in which it is paused, and is not started again. If not given, never. */
  maxRuntime?: number;
  /** If not given, 256 KiB and 2000 lines a stream, lines cut at 64 KiB. */
  output?: { bytes?: number; lines?: number; lineBytes?: number };
  /** Kept and listed, never read by supertree. If not given, nothing. */
  metadata?: Readonly<Record<string, string>>;
}

interface SupervisionInput {
  /** As a child of another supervisor. If not given, permanent. */
  restart?: RestartType;
  /** If not given, false. */
  significant?: boolean;
  /** If not given, 5 (under `otpExact` 1). */
  maxRestarts?: number;
  /** The window of the budget. If not given, 60000 (under `otpExact` 5000). */
  within?: number;
  /** If not given, 100 ms doubling to 30 s, up to half of it taken off by chance, reset after 60 s ready. */
  backoff?: { initial?: number; factor?: number; max?: number; jitter?: number; resetAfter?: number };
  /** If not given, escalate. */
  onExhausted?: OnExhausted;
  /** If not given, 30000. */
  cooldown?: number;
  /** No backoff, OTP's window and OTP's exit reason. If not given, false. */
  otpExact?: boolean;
}

export interface SupervisorInput extends SupervisionInput {
  /** If not given on the root, `root`; everywhere else it must be given. */
  id?: string;
  /** If not given, one_for_one. */
  strategy?: Strategy;
  /** If not given, never. */
  autoShutdown?: AutoShutdown;
  /** If not given, strict. */
  boot?: 'strict' | 'retry';
  children: readonly NodeInput[];
}

export interface PoolInput extends SupervisionInput {
  id: string;
  pool: {
    /** How many instances are started. If not given, 0. */
    size?: number;
    /** How many it may ever have. If not given, 10000. */
    max?: number;
    /** How many may be starting at once. If not given, 64. */
    concurrency?: number;
    /** What each instance is. */
    agent: Omit<AgentInput, 'id'>;
  };
}

export type NodeInput = AgentInput | SupervisorInput | PoolInput;
