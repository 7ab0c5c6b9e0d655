import type {
  AnyLogic,
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

/** When an agent counts as ready. `Pattern`: how a pattern may be given. */
export type ReadinessInput<Pattern = string | RegExp> =
  /** Ready when alive for `minUptime`. If not given, 0: ready as soon as the program runs. */
  | { type: 'none'; minUptime?: number }
  /** Ready when the leased port accepts. `port`: its name. If not given, the first one. `interval`: if not given, 50. */
  | { type: 'port'; port?: string; interval?: number; timeout?: number }
  /** Ready when a line matches the regular expression: its source as a string, or a RegExp with its flags. `stream`: if not given, both. */
  | { type: 'log'; pattern: Pattern; stream?: StreamName | 'both'; timeout?: number }
  /** Ready when the command exits with 0. `interval`: between tries; if not given, 500. */
  | { type: 'exec'; command: readonly string[]; interval?: number; timeout?: number }
  /** Ready when the agent writes a newline or `READY=1` to the descriptor in SUPERTREE_NOTIFY_FD (sd_notify(3) words). */
  | { type: 'notify'; timeout?: number };

/** The stages of a stop. */
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

/** A limit of a whole process tree. */
export interface LimitInput {
  /** Bytes of memory, or percent of one core. */
  max: number;
  /** If not given, restart. */
  action?: LimitAction;
}

/** What every agent may have, whatever its body is. */
export interface AgentTraits {
  /** If not given, permanent. */
  restart?: RestartType;
  /** If not given, false. */
  significant?: boolean;
  /** If not given, `none`. Every timeout: if not given, 30000. */
  readiness?: ReadinessInput;
  /** If not given, SIGTERM, 10 s, SIGTERM, 5 s, SIGKILL, 5 s. */
  stop?: StopInput | 'brutal_kill' | 'infinity';
  /** How `pause` works when the caller does not say. If not given, forced. */
  pause?: PauseMode;
  /** Exit codes that mean done. If not given, [0]. */
  successCodes?: readonly number[];
  /** It is stopped after so long, from its launch and without the time in which it is paused, and is not started again. If not given, never. */
  maxRuntime?: number;
  /** If not given, 256 KiB and 2000 lines a stream, lines cut at 64 KiB. */
  output?: { bytes?: number; lines?: number; lineBytes?: number };
  /** Kept and listed, never read by supertree. If not given, nothing. */
  metadata?: Readonly<Record<string, string>>;
}

/** The names of the ports that an agent is given. The first one is PORT, each one PORT_<NAME>. */
export type PortsInput = readonly (string | { name: string; preferred?: number })[];

/** The agent of a pool whose body is a process. */
export interface CommandTemplate extends AgentTraits {
  /** Program and arguments. No shell is involved. */
  command: readonly string[];
  /** If not given, the working directory of the supervisor. */
  cwd?: string;
  /** Added to the environment of the supervisor. If not given, nothing. */
  env?: Readonly<Record<string, string>>;
  /** Names of the ports it is given. If not given, none. */
  ports?: PortsInput;
  /** If not given, none, and nothing is sampled. */
  limits?: { memory?: LimitInput; cpu?: LimitInput };
  task?: never;
  logic?: never;
  input?: never;
  children?: never;
  pool?: never;
}

/** The agent of a pool whose body is a function of this process. It has no directory, environment, memory and signals of its own. */
export interface TaskTemplate extends AgentTraits {
  /** An async function that runs in this process. */
  task: TaskBody;
  /** Names of the ports it is given. If not given, none. */
  ports?: PortsInput;
  command?: never;
  logic?: never;
  input?: never;
  cwd?: never;
  env?: never;
  limits?: never;
  children?: never;
  pool?: never;
}

/** The agent of a pool whose body is an actor logic of XState in this process. It is given no ports. */
export interface LogicTemplate extends AgentTraits {
  /** Any XState actor logic, run in this process. */
  logic: AnyLogic;
  /** The input of `logic`. If not given, undefined. */
  input?: unknown;
  command?: never;
  task?: never;
  ports?: never;
  cwd?: never;
  env?: never;
  limits?: never;
  children?: never;
  pool?: never;
}

/** What each instance of a pool is: an agent without an id. It has exactly one of `command`, `task` and `logic`. */
export type AgentTemplate = CommandTemplate | TaskTemplate | LogicTemplate;

interface Named {
  /** Unique among its siblings, matches ^[A-Za-z][\w.-]*$. */
  id: string;
  /** Ids of siblings that must be ready before it is started for the first time. If not given, none. */
  after?: readonly string[];
}

/** An agent whose body is a process. */
export interface CommandAgent extends CommandTemplate, Named {}

/** An agent whose body is a function of this process. */
export interface TaskAgent extends TaskTemplate, Named {}

/** An agent whose body is an actor logic of XState in this process. */
export interface LogicAgent extends LogicTemplate, Named {}

/** An agent: exactly one of `command`, `task` and `logic`. */
export type AgentInput = CommandAgent | TaskAgent | LogicAgent;

/** An agent as data, for a file or the wire: a command, and a pattern as a string. */
export interface AgentData extends Omit<CommandAgent, 'readiness' | 'task' | 'logic' | 'input' | 'children' | 'pool'> {
  /** If not given, `none`. Every timeout: if not given, 30000. */
  readiness?: ReadinessInput<string>;
}

/** What supervisors and pools have in common. */
interface SupervisionInput {
  /** Ids of siblings that must be ready before it is started for the first time. If not given, none. */
  after?: readonly string[];
  /** As a child of another supervisor. If not given, permanent. */
  restart?: RestartType;
  /** If not given, false. */
  significant?: boolean;
  /** If not given, 5 (under `otpExact` 1). */
  maxRestarts?: number;
  /** The window of the budget. If not given, 60000 (under `otpExact` 5000), or longer where `maxRestarts` with this backoff take longer. */
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

/** A supervisor with its children. */
export interface SupervisorInput extends SupervisionInput {
  /** If not given on the root, `root`; everywhere else it must be given. */
  id?: string;
  /** If not given, one_for_one. */
  strategy?: Strategy;
  /** `parallel` for one_for_one only: children that do not depend on each other (`after`) start together. If not given, sequence. */
  start?: 'sequence' | 'parallel';
  /** If not given, never. */
  autoShutdown?: AutoShutdown;
  /** If not given, strict. */
  boot?: 'strict' | 'retry';
  /** Started from first to last, stopped from last to first. */
  children: readonly NodeInput[];
  pool?: never;
  command?: never;
  task?: never;
  logic?: never;
}

/** Any number of equal agents without order. */
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
    agent: AgentTemplate;
  };
  children?: never;
  command?: never;
  task?: never;
  logic?: never;
}

/** A child of a supervisor: its keys `command`, `task`, `logic`, `children` and `pool` say what it is, and exclude each other. */
export type NodeInput = AgentInput | SupervisorInput | PoolInput;
