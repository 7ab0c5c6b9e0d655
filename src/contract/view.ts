import type { AgentState, Blocker, Health } from '../model/agent.js';
import type { ExitRecord } from '../model/exit.js';
import type { ChildCount, ChildRow } from '../model/fact.js';
import type { NodeInput } from '../model/input.js';
import type { Failure, MemoryMeasure, Report, ReportOf, ReportType, SupervisorStatus } from '../model/report.js';
import type { NodeSpec, PauseMode, RestartType, Strategy, StreamName } from '../model/spec.js';

/** An agent at one moment. Times are wall-clock ms. It never contains environment values. */
export interface AgentView {
  /** The ids from the root down to the agent, with slashes between. */
  readonly path: string;
  /** Its id, unique among its siblings. */
  readonly id: string;
  /** Its permanent id: an agent that is added at the same path later has another one. */
  readonly uuid: string;
  readonly state: AgentState;
  /** The whole state, sub-states with dots: `stopping.asking`. Where its start waits for siblings, for whom: `waiting for db to be ready`. */
  readonly detail: string;
  /** The pid of its main process; `null` when there is none. */
  readonly pid: number | null;
  /** Its leased ports, by name; empty at rest. */
  readonly ports: Readonly<Record<string, number>>;
  /** Which of its ends lead to a restart. A temporary agent is removed at its end. */
  readonly restart: RestartType;
  /** The number of restarts since it was added, for any reason. */
  readonly restarts: number;
  /** The number of the incarnation, from 1; 0 before the first start. */
  readonly incarnation: number;
  /** Its health by its liveness probe or by its own reports; `unknown` without them, and while it is not running. */
  readonly health: Health;
  /** Since when it has this health; `null` while none was reported. */
  readonly healthSince: number | null;
  /** Why the last run of its liveness probe failed; empty when that passed, or without one. */
  readonly healthDetail: string;
  /** What it said of itself last, by STATUS= of sd_notify(3); empty without, and at rest. */
  readonly statusText: string;
  /** When it entered `state`. */
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
  /** The record of its last end; `null` before the first one. */
  readonly exit: ExitRecord | null;
  /** In `failed`: the delay before the next restart; `null` when none is planned. */
  readonly retryIn: number | null;
  /** In `zombie`: the processes that cannot be ended. */
  readonly blockers: readonly Blocker[];
  /** Its body: program and arguments as in its spec, or `task`, or `logic`. */
  readonly command: readonly string[];
  /** The metadata of its spec. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A supervisor or pool with its subtree, in start order. */
export interface SupervisorView {
  readonly kind: 'supervisor' | 'pool';
  /** The ids from the root down to it, with slashes between. */
  readonly path: string;
  /** Its id, unique among its siblings. */
  readonly id: string;
  /** `idle` before the first start. */
  readonly status: SupervisorStatus | 'idle';
  readonly strategy: Strategy | 'pool';
  /** In `failed`: the culprit, with its exit and its last lines. */
  readonly failure?: Failure;
  readonly children: readonly TreeView[];
}

export type TreeView = SupervisorView | ({ readonly kind: 'agent' } & AgentView);

/** One line of output. `bytes` is the line as written, line end included; `partial` marks a piece of a longer line. */
export interface OutputLine {
  /** From 0, per agent and stream, continued over incarnations. */
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
   * The first sequence number, one for both streams or one for each: the `next` of the previous page. If not given, the oldest line in the ring (or as
   * `last` says).
   */
  readonly from?: number | Readonly<Partial<Record<StreamName, number>>>;
  /** Only the last so many lines. If not given, all. */
  readonly last?: number;
  /** At most so many lines. If not given, all. */
  readonly limit?: number;
}

export interface OutputPage {
  readonly lines: readonly OutputLine[];
  /** The number of requested lines that have left the ring. */
  readonly dropped: number;
  /** The sequence number of the next line of each stream: the `from` of the next page. */
  readonly next: Readonly<Record<StreamName, number>>;
}

/** A line of output with its text: UTF-8 without the line end; bytes that are not UTF-8 become U+FFFD. */
export type TextLine = { readonly type: 'line'; readonly text: string } & OutputLine;

/** An item of `lines`: a line, or the number of lines that left the ring before they could be read. */
export type LineItem = TextLine | { readonly type: 'dropped'; readonly lines: number };

export interface LinesOptions extends Pick<OutputQuery, 'stream' | 'from'> {
  /** Whether to continue with later lines, over restarts, until the agent is removed or the tree has ended. If not given, false. */
  readonly follow?: boolean;
  /** Ends the iteration, which throws the reason of the signal. If not given, none. */
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  /** In ms. If not given, no limit. */
  readonly timeout?: number;
  /** Ends the wait, which rejects with the reason of the signal. If not given, none. */
  readonly signal?: AbortSignal;
}

/** The resource usage of a whole process tree. */
export interface Usage {
  /** Percent of one core, with that of ended processes that were waited for in the tree. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  /**
   * How memory was measured. `pss`: proportional set sizes, in which a page that several processes share counts once. `rss`: resident set sizes, in which it
   * counts in each of them, because the PSS of at least one process could not be read.
   */
  readonly measure: MemoryMeasure;
}

/**
 * One agent, over all its incarnations. Every method rejects with a SupertreeError. After the agent was removed, `view`, `exit`, `output` and `lines`
 * return its last state, exit and output, `stop` and `kill` do nothing, and the others reject INVALID_STATE.
 */
export interface AgentHandle {
  readonly path: string;
  readonly uuid: string;
  view(): AgentView;
  /**
   * The exit record of the incarnation that is present when the property is read. While it runs: resolves when it has ended, with its process tree
   * verified gone and its output read to the end. At rest: resolves at once with the last record. Before the first start: resolves with the first end. A
   * restart ends the incarnation; read the property again for the next one. Rejects INVALID_STATE when no end can follow: the agent was removed, or its
   * tree ended, before it ever ran.
   */
  readonly exit: Promise<ExitRecord>;
  /**
   * Resolves with the view when the agent enters this state, or one of these states; at once when it is in one. No state is missed, however short.
   * Rejects TIMEOUT, OPTION_INVALID for an unknown state, INVALID_STATE when the agent was removed or its tree has ended in another state, and with the
   * reason of `signal`.
   */
  waitFor(state: AgentState | readonly AgentState[], options?: WaitOptions): Promise<AgentView>;
  /** Resolves when it is ready. Rejects START_FAILED, ZOMBIE, SUPERSEDED. It clears the restart budget. */
  start(): Promise<void>;
  /** Resolves when its process tree is verified gone. Rejects ZOMBIE. */
  stop(): Promise<void>;
  /** As stop, with SIGKILL at once. */
  kill(): Promise<void>;
  /** Stops and starts; concurrent calls share one restart. */
  restart(): Promise<void>;
  /** Resolves when every process of its tree is seen stopped (forced), or when the request was sent (cooperative). */
  pause(mode?: PauseMode): Promise<void>;
  resume(): Promise<void>;
  /** `signal` is a name, with or without SIG, in any case. */
  signal(signal: string): Promise<void>;
  /** Writes to standard input; resolves with the number of bytes when the system has taken them. */
  write(data: string | Uint8Array): Promise<number>;
  endInput(): Promise<void>;
  /**
   * Changes the size of its terminal, each from 1 to 65535; the program gets SIGWINCH, also for the same size. Rejects TERMINAL_ABSENT for an agent whose
   * `stdin` is not pty, and OPTION_INVALID.
   */
  resize(columns: number, rows: number): Promise<void>;
  output(query?: OutputQuery): OutputPage;
  /**
   * The lines in the ring, and with `follow` later ones. It is read at the pace of the loop and never slows the agent: lines that leave the ring before
   * they are read are counted by an item of type `dropped`. An unfinished line comes when it ends, or when its incarnation does.
   */
  lines(options?: LinesOptions): AsyncIterableIterator<LineItem>;
  /** Calls `listener` with every line from now on. Returns a function that unsubscribes. */
  onOutput(listener: (line: OutputLine) => void): () => void;
}

/** One supervisor or pool. Its methods are OTP's, and its errors have the codes of OTP's answers (A1 to A9). */
export interface SupervisorHandle {
  readonly path: string;
  view(): SupervisorView;
  /** True when it has a child of this id, in any state. */
  has(id: string): boolean;
  /** Adds a child and starts it; resolves with its path. For a pool without `input`: an instance is added. */
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
  /** False when it has failed or could not boot. */
  readonly clean: boolean;
  /** The paths of agents that could not be ended. */
  readonly left: readonly string[];
}

/**
 * A running tree. `await using tree = createTree(...)` stops it at the end of the block. Agents and supervisors are named by path or by an id that is
 * unique in the tree, agents by uuid as well.
 */
export interface Tree extends AsyncDisposable {
  /** The path of the root supervisor. */
  readonly path: string;
  readonly status: SupervisorStatus | 'idle';
  /**
   * Resolves when every child is ready (under `boot: 'retry'`: after the first attempt of each). Rejects BOOT_FAILED after the started children were
   * stopped again, TREE_NOT_STARTED once the tree stops or has ended. A repeated call joins the first.
   */
  start(): Promise<void>;
  /** Stops everything in reverse order. Never rejects; `left` names what could not be ended. A repeated call joins the first; `brutal` then kills. */
  stop(options?: { brutal?: boolean }): Promise<TreeEnd>;
  /** Resolves when the tree has ended, for any reason. */
  readonly ended: Promise<TreeEnd>;
  /** The number of agents. */
  readonly size: number;
  agents(): AgentView[];
  /** By path, uuid, or an id that is unique. Throws AGENT_NOT_FOUND, AGENT_AMBIGUOUS; AGENT_ABSENT while a supervisor above it is restarting. */
  agent(ref: string): AgentHandle;
  /** By path, or by an id that is unique. If `ref` is not given, the root. Throws SUPERVISOR_NOT_FOUND, SUPERVISOR_AMBIGUOUS. */
  supervisor(ref?: string): SupervisorHandle;
  view(): SupervisorView;
  /** Measures cpu and memory of whole process trees, in one batch, by path. If `paths` is not given, of all agents with a pid. */
  usage(paths?: readonly string[]): Promise<ReadonlyMap<string, Usage>>;
  /**
   * Calls `listener` with every report, or with those of one or several types, in order. An error of a listener becomes a report of type `error`. Returns
   * a function that unsubscribes. Throws OPTION_INVALID for an unknown type.
   */
  subscribe(listener: (report: Report) => void): () => void;
  subscribe<T extends ReportType>(types: T | readonly T[], listener: (report: ReportOf<T>) => void): () => void;
}
