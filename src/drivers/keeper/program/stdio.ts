import { openSync } from 'node:fs';
import type { TerminalSize } from '../../../model/process.js';
import { closeAll, makePipes, type Pipe } from '../native/pipes.js';
import { openTerminal, type Terminal } from '../native/terminal.js';
import { STREAM } from '../protocol/messages.js';
import type { Input } from './input.js';
import { InputPipe } from './input-pipe.js';
import type { AgentOrder } from './order.js';
import { TerminalInput } from './terminal-input.js';

/** The ends of the pipes of one agent, and its terminal. */
export interface Stdio {
  /** The path of the terminal that becomes 0, 1 and 2 in the process; `null` for none. */
  readonly terminal: string | null;
  /** The descriptors that become the next ones in the process. */
  readonly descriptors: readonly number[];
  /** The reading ends, by their stream. */
  readonly outputs: ReadonlyMap<number, number>;
  /** The other end of standard input. `taken` as for InputPipe. */
  openInput(taken: (errno: number) => void): Input;
  /** Closes the ends of the process, which has its own copies of them. */
  closeTheirs(): void;
  closeAll(): void;
}

/** Opened once, with the keeper: a start never lacks the descriptor for it. */
const nothing = openSync('/dev/null', 'r');

/** Makes the pipes or the terminal of an agent; the errno when there are not enough descriptors, with none left open. */
export function openStdio(order: AgentOrder): Stdio | number {
  return order.stdin === 'pty' ? openWithTerminal(order) : openPipes(order);
}

function openPipes({ stdin, merged, notify }: AgentOrder): Stdio | number {
  const streams = [STREAM.stdout, ...(merged ? [] : [STREAM.stderr]), ...(notify ? [STREAM.notify] : [])];
  const hasInput = stdin !== 'closed';
  const pipes = makePipes(streams.length + (hasInput ? 1 : 0));
  if (typeof pipes === 'number') return pipes;
  const input = hasInput ? pipes.shift()! : null;
  const theirs = [...(input === null ? [] : [input.read]), ...pipes.map(({ write }) => write)];
  const ours = [...(input === null ? [] : [input.write]), ...pipes.map(({ read }) => read)];
  return {
    terminal: null,
    descriptors: [input?.read ?? nothing, ...(merged ? [pipes[0]!.write] : []), ...pipes.map(({ write }) => write)],
    openInput: (taken) => new InputPipe(input?.write ?? null, taken),
    outputs: new Map(pipes.map(({ read }, at) => [streams[at]!, read])),
    closeTheirs: () => closeAll(...theirs),
    closeAll: () => closeAll(...theirs, ...ours),
  };
}

/** The slave of the terminal is opened by the process alone: the master is at its end when no process has it any more. */
function openWithTerminal({ notify, columns, rows, owner }: AgentOrder): Stdio | number {
  const pipes = makePipes(notify ? 1 : 0);
  if (typeof pipes === 'number') return pipes;
  const terminal = openTerminal({ columns, rows }, owner);
  if (typeof terminal !== 'number') return stdioOf(terminal, { columns, rows }, pipes);
  for (const { read, write } of pipes) closeAll(read, write);
  return terminal;
}

function stdioOf(terminal: Terminal, size: TerminalSize, pipes: readonly Pipe[]): Stdio {
  const theirs = pipes.map(({ write }) => write);
  const read = pipes.map((pipe) => pipe.read);
  return {
    terminal: terminal.path,
    descriptors: theirs,
    openInput: (taken) => new TerminalInput(terminal.write, size, taken),
    outputs: new Map([[STREAM.stdout, terminal.read], ...read.map((each) => [STREAM.notify, each] as const)]),
    closeTheirs: () => closeAll(...theirs),
    closeAll: () => closeAll(...theirs, ...read, terminal.read, terminal.write),
  };
}
