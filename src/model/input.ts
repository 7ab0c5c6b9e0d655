import type { LivenessInput } from './liveness.js';
import type { EnvironmentInput, NoProcessOptions, ProcessOptions } from './process.js';
import type {
  AnyLogic,
  AutoShutdown,
  LimitAction,
  OnExhausted,
  OutputOrder,
  PauseMode,
  RestartType,
  StopScope,
  Strategy,
  StreamName,
  TaskBody,
} from './spec.js';

/** The input form of a tree. Every field but `id` and the body has a default. Times are milliseconds, sizes bytes. */

/** When an agent counts as ready. `Pattern`: the type of a pattern. */
export type ReadinessInput<Pattern = string | RegExp> =
  /** Ready once it has run for `minUptime` ms. If not given, 0: ready as soon as the program runs. */
  | { type: 'none'; minUptime?: number }
  /** Ready when the leased port accepts connections. `port`: its name. If not given, the first one. `interval`: if not given, 50. */
  | { type: 'port'; port?: string; interval?: number; timeout?: number }
  /**
   * Ready when a GET of `path` (if not given, `/`) on the leased port is answered with a status from 200 to 399; redirects are not followed. `port`: its
   * name. If not given, the first one. `interval`: if not given, 500.
   */
  | { type: 'http'; port?: string; path?: string; interval?: number; timeout?: number }
  /** Ready when a line matches the regular expression: its source as a string, or a RegExp with its flags. `stream`: if not given, both. */
  | { type: 'log'; pattern: Pattern; stream?: StreamName | 'both'; timeout?: number }
  /** Ready when the command exits with 0. `interval`: between runs; if not given, 500. */
  | { type: 'exec'; command: readonly string[]; interval?: number; timeout?: number }
  /** Ready when the agent writes a newline or `READY=1` to the descriptor in SUPERTREE_NOTIFY_FD (sd_notify(3) words). */
  | { type: 'notify'; timeout?: number };

/** The stages of a stop. */
export interface StopInput {
  /** The first signal. If not given, SIGTERM. */
  signal?: string;
  /** A line to write to standard input instead of the signal. If not given, the signal is sent. */
  message?: string;
  /**
   * Closes standard input first, and sends the signal after so many ms, for programs that end when their input does. If not given, it is not closed first.
   */
  closeInput?: number;
  /**
   * Which processes get the signal: the whole process tree, or the main process alone, which then ends the others; those that it leaves get SIGKILL when it
   * has ended. SIGKILL at the last stage always goes to the tree. If not given, tree.
   */
  scope?: StopScope;
  /** How long the first stop request may take. If not given, 10000. `infinity` waits for ever. */
  ask?: number | 'infinity';
  /** How long the second stop request may take, before SIGKILL. If not given, 5000. */
  insist?: number;
  /** How long after SIGKILL the agent becomes a zombie. If not given, 5000. */
  kill?: number;
  /** How long output is still read after the last process has ended. If not given, 1000. */
  drain?: number;
}

/** How output is read and kept. */
export interface OutputInput {
  /** The size of each stream's ring. If not given, 262144. */
  bytes?: number;
  /** The number of lines in each stream's ring. If not given, 2000. */
  lines?: number;
  /** A longer line is split. If not given, 65536. */
  lineBytes?: number;
  /**
   * `merged`: both streams are one pipe, so that their lines are in the order in which they were written; all of them are lines of stdout. `separate`: the
   * order between lines of different streams is that in which they were read. If not given, separate.
   */
  order?: OutputOrder;
}

/** A resource limit of a whole process tree. */
export interface LimitInput {
  /** Bytes of memory, or percent of one core. */
  max: number;
  /** If not given, restart. */
  action?: LimitAction;
}

/** The fields of every agent, whatever its body is. */
export interface AgentTraits {
  /** If not given, permanent. */
  restart?: RestartType;
  /** If not given, false. */
  significant?: boolean;
  /** If not given, `none`. Every timeout: if not given, 30000. */
  readiness?: ReadinessInput;
  /** How its health is judged while it runs. If not given, it is not. */
  liveness?: LivenessInput;
  /** If not given, SIGTERM, 10 s, SIGTERM, 5 s, SIGKILL, 5 s. */
  stop?: StopInput | 'brutal_kill' | 'infinity';
  /** The mode of `pause` without an explicit one. If not given, forced. */
  pause?: PauseMode;
  /** Exit codes that count as success. If not given, [0]. */
  successCodes?: readonly number[];
  /** The longest runtime of an incarnation, pauses excluded; then it is stopped and not restarted. If not given, unlimited. */
  maxRuntime?: number;
  /** If not given, 256 KiB and 2000 lines a stream, lines cut at 64 KiB, and a pipe for each stream. */
  output?: OutputInput;
  /** Stored and listed, never interpreted. If not given, nothing. */
  metadata?: Readonly<Record<string, string>>;
}

/** The names of the ports that are leased to an agent. The first port is PORT in its environment, each one PORT_<NAME>. */
export type PortsInput = readonly (string | { name: string; preferred?: number })[];

/** An agent of a pool whose body is a process. */
export interface CommandTemplate extends AgentTraits, ProcessOptions {
  /** Program and arguments. No shell is involved. */
  command: readonly string[];
  /** If not given, the working directory of the supervisor. */
  cwd?: string;
  /** Added to the variables that it inherits; with `null` a variable is not inherited. If not given, nothing. */
  env?: EnvironmentInput;
  /** The names of its ports. If not given, none. */
  ports?: PortsInput;
  /** Resource limits. If not given, none, and its usage is not sampled. */
  limits?: { memory?: LimitInput; cpu?: LimitInput };
  task?: never;
  logic?: never;
  input?: never;
  children?: never;
  pool?: never;
}

/** An agent of a pool whose body is a function in this process. It has no directory, environment, memory and signals of its own. */
export interface TaskTemplate extends AgentTraits, NoProcessOptions {
  /** An async function that runs in this process. */
  task: TaskBody;
  /** The names of its ports. If not given, none. */
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

/** An agent of a pool whose body is XState actor logic in this process. It has no ports. */
export interface LogicTemplate extends AgentTraits, NoProcessOptions {
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

/** The template of the instances of a pool: an agent without an id. It has exactly one of `command`, `task` and `logic`. */
export type AgentTemplate = CommandTemplate | TaskTemplate | LogicTemplate;

interface Named {
  /** Unique among its siblings, matches ^[A-Za-z][\w.-]*$. */
  id: string;
  /** Ids of siblings that must be ready before its first start. If not given, none. */
  after?: readonly string[];
}

/** An agent whose body is a process. */
export interface CommandAgent extends CommandTemplate, Named {}

/** An agent whose body is a function in this process. */
export interface TaskAgent extends TaskTemplate, Named {}

/** An agent whose body is XState actor logic in this process. */
export interface LogicAgent extends LogicTemplate, Named {}

/** An agent: exactly one of `command`, `task` and `logic`. */
export type AgentInput = CommandAgent | TaskAgent | LogicAgent;

/** An agent as data, for a file or the wire: with a command, and patterns as strings. */
export interface AgentData extends Omit<CommandAgent, 'readiness' | 'task' | 'logic' | 'input' | 'children' | 'pool'> {
  /** If not given, `none`. Every timeout: if not given, 30000. */
  readiness?: ReadinessInput<string>;
}

/** The common fields of supervisors and pools. */
interface SupervisionInput {
  /** Ids of siblings that must be ready before its first start. If not given, none. */
  after?: readonly string[];
  /** Its restart type as a child. If not given, permanent. */
  restart?: RestartType;
  /** If not given, false. */
  significant?: boolean;
  /** If not given, 5 (under `otpExact` 1). */
  maxRestarts?: number;
  /** The window of the budget. If not given, 60000 (under `otpExact` 5000), or longer if `maxRestarts` restarts with this backoff take longer. */
  within?: number;
  /** If not given, 100 ms doubling to 30 s, with jitter of up to half of it, reset after 60 s ready. */
  backoff?: { initial?: number; factor?: number; max?: number; jitter?: number; resetAfter?: number };
  /** If not given, escalate. */
  onExhausted?: OnExhausted;
  /** If not given, 30000. */
  cooldown?: number;
  /** No backoff, and OTP's window and exit reason. If not given, false. */
  otpExact?: boolean;
}

/** A supervisor with its children. */
export interface SupervisorInput extends SupervisionInput {
  /** If not given on the root, `root`; required everywhere else. */
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

/** Any number of like agents without an order. */
export interface PoolInput extends SupervisionInput {
  id: string;
  pool: {
    /** The number of instances at the start. If not given, 0. */
    size?: number;
    /** The most instances. If not given, 10000. */
    max?: number;
    /** The most instances that start at the same time. If not given, 64. */
    concurrency?: number;
    /** The template of the instances. */
    agent: AgentTemplate;
  };
  children?: never;
  command?: never;
  task?: never;
  logic?: never;
}

/** A child of a supervisor: an agent, a supervisor or a pool, by exactly one of its keys `command`, `task`, `logic`, `children` and `pool`. */
export type NodeInput = AgentInput | SupervisorInput | PoolInput;
