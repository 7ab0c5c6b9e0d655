import type { FromKeeper } from '../protocol/messages.js';
import type { OpenOutput } from './agent-output.js';
import type { Input } from './input.js';
import type { AgentOrder, SpawnCommand } from './order.js';

/*
 * How a keeper starts processes and learns what becomes of them. There are two kinds of hands: those that call the C library through koffi, and those that
 * stand on child_process. All else of the keeper is the same with both.
 */

/** What is known of a main process from the start on. */
export type Birth = Omit<Extract<FromKeeper, { type: 'spawned' }>, 'type' | 'agent' | 'record'>;

/** The processes of one agent, from the start of its main process until none is left. */
export interface Body {
  readonly birth: Birth;
  /** The streams that it writes, each to be opened once. */
  readonly outputs: Iterable<readonly [stream: number, open: OpenOutput]>;
  /** The other end of its standard input. `taken` is called for each write with 0 when the system has taken the bytes, else with the errno. */
  openInput(taken: (errno: number) => void): Input;
  /** Sends a signal to all members, or where the order says so to the main process alone, and SIGCONT to all. */
  ask(signal: number): void;
  /** Sends SIGKILL to all members until none is left. */
  kill(): void;
  /** Sends a signal to the process group alone. */
  signal(signal: number): void;
  /** Stops all members, as `Freezer`. */
  freeze(done: (problem: string | null) => void): void;
  thaw(): void;
  /** There is room for messages of its NOTIFY_SOCKET again. */
  readOn(): void;
  /** What the main process had written was read: calls `then` with whether no process is left. To be called once, after `ended`. */
  afterMain(then: (isEmpty: boolean) => void): void;
  /** Nothing is left of it. */
  release(): void;
}

/** The receiver of what becomes of an agent. */
export interface BodyListener {
  spawned(body: Body): void;
  /** It could not be spawned. `option`: the attribute that the system has refused; if not given, another thing. */
  failed(errno: number, option?: string): void;
  /** Its main process was reaped, with a status of waitpid(2). */
  ended(status: number): void;
  /** None of its processes is left. It may be called several times. */
  emptied(): void;
  /** Messages of its NOTIFY_SOCKET. */
  notified(bytes: Uint8Array): void;
  /** False while there is no room for them. */
  readonly hasRoom: boolean;
}

export interface Hands {
  /** False when descendants are recognised without a brand. */
  readonly isBranded: boolean;
  /** Spawns an agent; its listener learns whether that has succeeded. Never throws. */
  start(order: AgentOrder, command: SpawnCommand, listener: BodyListener): void;
  /** Looks for processes that have come, so that they are recognised later. */
  look(): void;
  /** Calls `done` when all that had happened before was reported. */
  caughtUp(done: () => void): void;
  /** Kills what belongs to no known agent, and what was left by those that did not end in time. */
  killRest(): Promise<void>;
}

/** Makes the hands; throws where they cannot work. `problem` is called with problems that belong to no agent. */
export type MakeHands = (problem: (text: string) => void) => Hands;
