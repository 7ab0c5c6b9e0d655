import type { Blocker, BodyFact } from '../model/agent.js';
import type { AgentSpec, StreamName } from '../model/spec.js';

/** What a driver needs to start one incarnation. Everything is final: templates are filled in, the environment is whole. */
export interface StartOrder {
  readonly spec: AgentSpec;
  readonly path: string;
  readonly incarnation: number;
  /** Unique to this incarnation; in the environment of a process as SUPERTREE_TOKEN, so that strays can be told. */
  readonly token: string;
  readonly command: readonly string[];
  readonly cwd: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly ports: Readonly<Record<string, number>>;
}

/** Where a body's facts and output go. Never throws. */
export interface Sink {
  fact(fact: BodyFact): void;
  /** Bytes as they were read; the driver does not touch them again. */
  output(stream: StreamName, bytes: Uint8Array): void;
  /** One word of the readiness channel, such as READY=1. */
  notified(word: string): void;
}

/**
 * One incarnation, from start() until nothing of it is left. Facts arrive in this order:
 * SPAWN_FAILED alone; or SPAWNED, EXITED, GONE, DRAINED (the last two only where EXITED did not already say so);
 * or GONE alone when it was ended before it ran. After the last fact every call does nothing.
 */
export interface Incarnation {
  /** Asks the whole tree with a signal, SIGCONT behind it; descendants are listed first. GONE follows when the tree is empty. */
  ask(signal: string): void;
  /** SIGKILL to all that is left of the tree, again and again until it is empty. */
  kill(): void;
  /** A signal for the group alone. Throws UNSUPPORTED for a body that is not a process. */
  signal(signal: string): void;
  /** Queues bytes for standard input; resolves when they are handed to the system. Rejects STDIN_CLOSED, STDIN_FULL, STDIN_STALLED. */
  write(bytes: Uint8Array): Promise<void>;
  /** Closes standard input behind what is queued. */
  endInput(): void;
  /** Stops the whole tree in place. FROZEN follows when every member is seen stopped, else FREEZE_FAILED. */
  freeze(): void;
  /** Continues the whole tree, and ends a freeze that is under way: neither FROZEN nor FREEZE_FAILED of that freeze follows. */
  thaw(): void;
  /** What is left of the tree, each verified to live, with what a person wants to know of it. */
  inspect(): Blocker[];
  /** The pids of the tree as of this turn of the event loop, for measuring; far cheaper than `inspect` where there are many trees. */
  members(): number[];
  /** Stops reading output; DRAINED follows. */
  drain(): void;
}

/** One way to run bodies. */
export interface Driver {
  /** Begins one incarnation. Never throws: what goes wrong is a SPAWN_FAILED. Facts never arrive before it has returned. */
  start(order: StartOrder, sink: Sink): Incarnation;
  /** Ends what is left by force and lets go of everything. */
  close(): Promise<void>;
}
