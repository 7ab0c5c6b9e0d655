import type { Blocker, BodyFact } from '../model/agent.js';
import type { TerminalSize } from '../model/process.js';
import type { AgentSpec, StreamName } from '../model/spec.js';

/** The order to start one incarnation. Everything is final: templates are filled in, the environment is complete. */
export interface StartOrder {
  readonly spec: AgentSpec;
  readonly path: string;
  readonly incarnation: number;
  /** Unique to this incarnation; a process has it in its environment as SUPERTREE_TOKEN, by which strays are found. */
  readonly token: string;
  readonly command: readonly string[];
  readonly cwd: string | null;
  /** Makes its whole environment: an agent that kept it would hold several kilobytes as long as it lives. */
  readonly env: () => Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, number>>;
}

/** Receives the facts and the output of a body. Never throws. */
export interface Sink {
  fact(fact: BodyFact): void;
  /** Bytes as they were read; the driver does not change them afterwards. */
  output(stream: StreamName, bytes: Uint8Array): void;
  /** One message of the readiness channel, such as READY=1. */
  notified(word: string): void;
}

/** An incarnation that an earlier program has started, and that runs on, or whose end nobody has read. */
export interface Kept {
  readonly incarnation: number;
  /** What it has printed, in the order of each stream, up to a moment before this program had it. The rest follows through its sink. */
  readonly output: readonly KeptOutput[];
}

export interface KeptOutput {
  readonly stream: StreamName;
  readonly bytes: Uint8Array;
  /** When it was read, on the wall clock in ms. */
  readonly at: number;
  /** The number of lines before it that are lost: they had left the history of the driver. */
  readonly lost: number;
}

/**
 * One incarnation, from start() until nothing of it is left. Facts come in this order: SPAWN_FAILED alone; or SPAWNED, EXITED, GONE, DRAINED (the last two
 * only if EXITED does not carry them); or GONE alone when it was ended before it ran. After the last fact every call does nothing.
 */
export interface Incarnation {
  /** True when an earlier program has started it, and this one has adopted it. If not given, false. */
  readonly isAdopted?: boolean;
  /**
   * Sends a signal, by the scope of its stop to the whole tree or to its main process, and then SIGCONT to the whole tree. The members are listed first. GONE
   * follows when the tree is empty.
   */
  ask(signal: string): void;
  /** Sends SIGKILL to the whole tree, repeatedly until it is empty. */
  kill(): void;
  /** Sends a signal to the process group alone. Throws UNSUPPORTED for a body that is not a process. */
  signal(signal: string): void;
  /** Queues bytes for standard input; resolves when the system has taken them. Rejects STDIN_ABSENT, STDIN_CLOSED, STDIN_FULL, STDIN_STALLED. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes standard input after the queued bytes. */
  endInput(): void;
  /** Changes the size of its terminal, or with the same size makes the program draw anew. If not given, no body has a terminal. */
  resize?(size: TerminalSize): void;
  /** Stops the whole tree by SIGSTOP. FROZEN follows when every member is seen stopped, else FREEZE_FAILED. Neither follows after an ask or a kill. */
  freeze(): void;
  /** Continues the whole tree, and cancels a freeze that is under way: neither FROZEN nor FREEZE_FAILED of that freeze follows. */
  thaw(): void;
  /** The members of the tree, each verified to live, with state and command. */
  inspect(): Blocker[];
  /** The pids of the tree in this turn of the event loop, for measurements; far cheaper than `inspect` when there are many trees. */
  members(): number[];
  /** Stops reading output; DRAINED follows. */
  drain(): void;
}

/** The figures of one process. Times are milliseconds. */
export interface ProcessTimes {
  /** Cpu time used so far, user and system. */
  readonly ctime: number;
  /** Cpu time of its ended children that it has waited for, and of theirs. If not given, 0. */
  readonly childTime?: number;
  /** The pid of its parent; the time of an ended process is expected in its parent's `childTime`. If not given, in that of no process. */
  readonly parent?: number;
  /** Since it started. */
  readonly elapsed: number;
  /** Bytes of resident memory (RSS). */
  readonly memory: number;
}

/** Reads many processes at once; those that have vanished are left out. Rejects only when no process can be read at all. */
export type ReadProcesses = (pids: readonly number[]) => Promise<ReadonlyMap<number, ProcessTimes>>;

/**
 * Reads the proportional set size (PSS) of many processes at once, in bytes: their pages, each divided by the number of processes that have it mapped.
 * Processes that cannot be measured so are left out. Must not reject.
 */
export type ReadPss = (pids: readonly number[]) => Promise<ReadonlyMap<number, number>>;

/** Runs bodies of one or several kinds. */
export interface Driver {
  /** Starts one incarnation. Never throws: a failure is the fact SPAWN_FAILED. Facts never come before it has returned. */
  start(order: StartOrder, sink: Sink): Incarnation;
  /**
   * Calls `done` once, later, when all that its bodies had done before the call has been read and reported: their output, and their ends. For a driver that
   * may lag behind them, so that no deadline is judged before. If not given, the driver never lags.
   */
  whenCaughtUp?(done: () => void): void;
  /** Kills all bodies and releases all resources. */
  close(): Promise<void>;
  /** The kept incarnation of the agent at that path, until its start adopts it; `undefined` without one. If not given, there are none. */
  kept?(path: string): Kept | undefined;
  /** Ends by their stop stages all kept incarnations that were not adopted, and reports them. */
  discardKept?(): void;
  /** Reads cpu time and RSS of members of its bodies. If not given, the processes of this machine are read. */
  readonly readProcesses?: ReadProcesses;
  /** Reads the PSS of members of its bodies. If not given, that of processes of this machine is read, or with `readProcesses` none: memory is RSS then. */
  readonly readPss?: ReadPss;
}
