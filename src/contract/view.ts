import type { AgentState, Blocker, Health } from '../model/agent.js';
import type { ExitRecord } from '../model/exit.js';
import type { ChildCount, ChildRow } from '../model/fact.js';
import type { NodeInput } from '../model/input.js';
import type { Failure, Report, ReportOf, ReportType, SupervisorStatus } from '../model/report.js';
import type { NodeSpec, PauseMode, RestartType, Strategy, StreamName } from '../model/spec.js';

/** One agent as it is now. Times are wall-clock ms. It never carries environment values. */
export interface AgentView {
  /** The ids from the root down to it, with slashes between. */
  readonly path: string;
  /** Its name among its siblings. */
  readonly id: string;
  /** Its name for ever: whoever is added at the same path later has another one. */
  readonly uuid: string;
  readonly state: AgentState;
  /** The whole state, sub-states with dots: `stopping.asking`. Where its start waits for siblings, for whom: `waiting for db to be ready`. */
  readonly detail: string;
  /** Of its main process; `null` when there is none. */
  readonly pid: number | null;
  /** The ports that it has leased, by name; empty at rest. */
  readonly ports: Readonly<Record<string, number>>;
  /** After which ends it is started again. A temporary agent is removed at its end. */
  readonly restart: RestartType;
  /** How often it was started again since it was added, by anybody. */
  readonly restarts: number;
  /** Which of its lives this is, the first one 1; 0 before it was started. */
  readonly incarnation: number;
  /** What its liveness probe says; `unknown` without one. */
  readonly health: Health;
  /** When it came into `state`. */
  readonly since: number;
  /** When it was added. */
  readonly createdAt: number;
  /** When this incarnation was launched; `null` before. */
  readonly startedAt: number | null;
  /** When it became ready; `null` before. */
  readonly readyAt: number | null;
  /** `null` while it is not paused. */
  readonly pausedAt: number | null;
  /** `null` while it is not paused. */
  readonly pauseMode: PauseMode | null;
  /** Its last end; `null` before the first one. */
  readonly exit: ExitRecord | null;
  /** In `failed`: the delay before the next try; `null` when none comes by itself. */
  readonly retryIn: number | null;
  /** In `zombie`: the processes that cannot be ended. */
  readonly blockers: readonly Blocker[];
  /** What it runs: program and arguments as in its spec, or `task`, or `logic`. */
  readonly command: readonly string[];
  /** As its spec gives it. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A supervisor or pool with what is below it, in start order. */
export interface SupervisorView {
  readonly kind: 'supervisor' | 'pool';
  /** The ids from the root down to it, with slashes between. */
  readonly path: string;
  /** Its name among its siblings. */
  readonly id: string;
  /** `idle` before it was started for the first time. */
  readonly status: SupervisorStatus | 'idle';
  readonly strategy: Strategy | 'pool';
  /** In `failed`: what made it fail, down to the agent, with its exit and its last lines. */
  readonly failure?: Failure;
  readonly children: readonly TreeView[];
}

export type TreeView = SupervisorView | ({ readonly kind: 'agent' } & AgentView);

/** One line of output. `bytes` is exactly what was written, line end included; `partial` when it is a piece of a longer line. */
export interface OutputLine {
  /** From 0, per agent and stream, going on over incarnations. */
  readonly seq: number;
  readonly stream: StreamName;
  readonly at: number;
  readonly partial: boolean;
  readonly bytes: Uint8Array;
}

export interface OutputQuery {
  /** If not given, both. With both, lines are ordered by time. */
  readonly stream?: StreamName | 'both';
  /**
   * The first sequence number wanted, one for both streams or one for each: the `next` of the page before. If not given, as far back as the
   * ring reaches (or `last` says).
   */
  readonly from?: number | Readonly<Partial<Record<StreamName, number>>>;
  /** The last so many lines. If not given, all. */
  readonly last?: number;
  /** At most so many lines. If not given, all. */
  readonly limit?: number;
}

export interface OutputPage {
  readonly lines: readonly OutputLine[];
  /** Lines that were asked for and have left the ring. */
  readonly dropped: number;
  /** The sequence number that the next line of each stream will have: the cursor to go on from. */
  readonly next: Readonly<Record<StreamName, number>>;
}

/** A line of output with its text: UTF-8 without the line end, U+FFFD for what is not UTF-8. */
export type TextLine = { readonly type: 'line'; readonly text: string } & OutputLine;

/** What `lines` yields: a line, or how many lines left the ring before they could be read. */
export type LineItem = TextLine | { readonly type: 'dropped'; readonly lines: number };

export interface LinesOptions extends Pick<OutputQuery, 'stream' | 'from'> {
  /** Whether to go on with what is still to come, over restarts, until the agent is removed or the tree has ended. If not given, false. */
  readonly follow?: boolean;
  /** Ends the iteration, which throws its reason. If not given, nothing does. */
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  /** In ms. If not given, there is no limit. */
  readonly timeout?: number;
  /** Ends the wait, which rejects with its reason. If not given, nothing does. */
  readonly signal?: AbortSignal;
}

/** The use of one whole process tree. */
export interface Usage {
  /** Percent of one core. */
  readonly cpu: number;
  /** Bytes of resident memory. */
  readonly memory: number;
}

/**
 * One agent, over all its incarnations. Every method rejects with a SupertreeError. After it was removed `view`, `exit`, `output` and `lines`
 * tell how it ended and what it printed, `stop` and `kill` have nothing to do, and the others reject INVALID_STATE.
 */
export interface AgentHandle {
  readonly path: string;
  readonly uuid: string;
  view(): AgentView;
  /**
   * How the present incarnation ends, bound to it when the property is read. While one is under way: resolves when it is over, its process
   * tree verified gone and its output read to the end. At rest: resolves at once with the last end. Before the first start: resolves with the
   * first end. A restart ends the incarnation; read the property again for the next one. Rejects INVALID_STATE where no end can come any more:
   * the agent was removed, or its tree ended, before it ever ran.
   */
  readonly exit: Promise<ExitRecord>;
  /**
   * Resolves when it is in this state, or in one of these, with the view of that moment: at once when it is already. A state is seen however
   * short it is. Rejects TIMEOUT, OPTION_INVALID for an unknown state, INVALID_STATE when it was removed or its tree has ended in another state,
   * and with the reason of `signal`.
   */
  waitFor(state: AgentState | readonly AgentState[], options?: WaitOptions): Promise<AgentView>;
  /** Resolves when it is ready. Rejects START_FAILED, ZOMBIE, SUPERSEDED. A person's start clears the budget. */
  start(): Promise<void>;
  /** Resolves when its process tree is verified gone. Rejects ZOMBIE. */
  stop(): Promise<void>;
  /** As stop, with SIGKILL at once. */
  kill(): Promise<void>;
  /** Stops and starts; concurrent calls collapse into one. */
  restart(): Promise<void>;
  /** Resolves when every process of its tree is seen stopped (forced), or when it was told (cooperative). */
  pause(mode?: PauseMode): Promise<void>;
  resume(): Promise<void>;
  /** `signal` is a name, with or without SIG, in any case. */
  signal(signal: string): Promise<void>;
  /** Writes to standard input; resolves with the number of bytes when they are handed over. */
  write(data: string | Uint8Array): Promise<number>;
  endInput(): Promise<void>;
  output(query?: OutputQuery): OutputPage;
  /**
   * The lines that the ring holds, and with `follow` those to come. It reads at the pace of the loop and never holds up the agent: what leaves
   * the ring before it is read is counted by an item of type `dropped`. A line without its end comes when it ends, or when its incarnation does.
   */
  lines(options?: LinesOptions): AsyncIterableIterator<LineItem>;
  /** Calls `listener` with every line from now on. Returns a function that unsubscribes. */
  onOutput(listener: (line: OutputLine) => void): () => void;
}

/** One supervisor or pool. Answers are OTP's, errors carry the codes of otp's answers (A1 to A9). */
export interface SupervisorHandle {
  readonly path: string;
  view(): SupervisorView;
  /** True when it has a child of this id, in whatever state. */
  has(id: string): boolean;
  /** Adds a child and starts it; resolves with its path. For a pool, `input` is left out and an instance is added. */
  add(input?: NodeInput): Promise<string>;
  terminate(id: string): Promise<void>;
  restart(id: string): Promise<void>;
  delete(id: string): Promise<void>;
  which(): ChildRow[];
  whichChild(id: string): ChildRow;
  count(): ChildCount;
  childSpec(id: string): NodeSpec;
}

/** How a tree ended. */
export interface TreeEnd {
  readonly reason: string;
  /** False when it gave up or could not boot. */
  readonly clean: boolean;
  /** The paths of agents that could not be ended. */
  readonly left: readonly string[];
}

/**
 * A running tree. `await using tree = createTree(...)` stops it at the end of the block.
 * Agents and supervisors are named by path or by an id that is unique in the tree, agents by uuid as well.
 */
export interface Tree extends AsyncDisposable {
  /** The path of the root supervisor. */
  readonly path: string;
  readonly status: SupervisorStatus | 'idle';
  /**
   * Resolves when every child is ready (under `boot: 'retry'`: when each had its first try). Rejects BOOT_FAILED after what had started is stopped again, TREE_NOT_STARTED once the tree stops
   * or has ended. Calling it again joins the first call.
   */
  start(): Promise<void>;
  /** Stops everything in reverse order. Never rejects; what could not be ended is named in `left`. Calling it again joins the first call; `brutal` makes it hurry. */
  stop(options?: { brutal?: boolean }): Promise<TreeEnd>;
  /** Resolves when the tree has ended, for whatever reason. */
  readonly ended: Promise<TreeEnd>;
  /** How many agents there are. */
  readonly size: number;
  agents(): AgentView[];
  /** By path, uuid, or an id that no other agent has. Throws AGENT_NOT_FOUND, AGENT_AMBIGUOUS; AGENT_ABSENT while a supervisor above it is starting again. */
  agent(ref: string): AgentHandle;
  /** By path, or by an id that no other supervisor has. If `ref` is not given, the root. Throws SUPERVISOR_NOT_FOUND, SUPERVISOR_AMBIGUOUS. */
  supervisor(ref?: string): SupervisorHandle;
  view(): SupervisorView;
  /** Measures cpu and memory of whole process trees, in one batch, keyed by path. If `paths` is not given, of all agents with a pid. */
  usage(paths?: readonly string[]): Promise<ReadonlyMap<string, Usage>>;
  /**
   * Calls `listener` with every report, or with those of one or several types, in order. What a listener throws becomes a report of type
   * `error`. Returns a function that unsubscribes. Throws OPTION_INVALID for an unknown type.
   */
  subscribe(listener: (report: Report) => void): () => void;
  subscribe<T extends ReportType>(types: T | readonly T[], listener: (report: ReportOf<T>) => void): () => void;
}
