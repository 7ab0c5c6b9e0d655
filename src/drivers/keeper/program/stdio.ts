import { openSync } from 'node:fs';
import { closeAll, makePipes } from '../native/pipes.js';
import { STREAM, type ToKeeper } from '../protocol/messages.js';

type StartMessage = Extract<ToKeeper, { type: 'start' }>;

/** The ends of the pipes of one agent. */
export interface Stdio {
  /** The descriptors that become 0, 1, 2 and so on in the process. */
  readonly descriptors: readonly number[];
  /** The writing end of standard input; `null` when the process has /dev/null. */
  readonly input: number | null;
  /** The reading ends, by their stream. */
  readonly outputs: ReadonlyMap<number, number>;
  /** Closes the ends of the process, which has its own copies of them. */
  closeTheirs(): void;
  closeAll(): void;
}

/** Opened once, with the keeper: a start never lacks the descriptor for it. */
const nothing = openSync('/dev/null', 'r');

/** Makes the pipes of an agent; the errno when there are not enough descriptors, with none left open. */
export function openStdio({ stdin, merged, notify }: StartMessage): Stdio | number {
  const streams = [STREAM.stdout, ...(merged ? [] : [STREAM.stderr]), ...(notify ? [STREAM.notify] : [])];
  const hasInput = stdin !== 'closed';
  const pipes = makePipes(streams.length + (hasInput ? 1 : 0));
  if (typeof pipes === 'number') return pipes;
  const input = hasInput ? pipes.shift()! : null;
  const theirs = [...(input === null ? [] : [input.read]), ...pipes.map(({ write }) => write)];
  const ours = [...(input === null ? [] : [input.write]), ...pipes.map(({ read }) => read)];
  return {
    descriptors: [input?.read ?? nothing, ...(merged ? [pipes[0]!.write] : []), ...pipes.map(({ write }) => write)],
    input: input?.write ?? null,
    outputs: new Map(pipes.map(({ read }, at) => [streams[at]!, read])),
    closeTheirs: () => closeAll(...theirs),
    closeAll: () => closeAll(...theirs, ...ours),
  };
}
