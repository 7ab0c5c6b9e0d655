import { closeSync } from 'node:fs';
import { declare, lastError } from './libc.js';

const pipe2 = declare('int pipe2(void *ends, int flags)');

/** O_CLOEXEC of pipe2(2), the same number on every processor that koffi is built for. */
const CLOSE_ON_EXEC = 0o2000000;

/** The two ends of a pipe. */
export interface Pipe {
  readonly read: number;
  readonly write: number;
}

const ends = new Int32Array(2);

/** Makes `count` pipes, whose ends are closed at an exec; the errno when there are not enough descriptors, with none left open. */
export function makePipes(count: number): Pipe[] | number {
  const pipes: Pipe[] = [];
  while (pipes.length < count) {
    if (pipe2(ends, CLOSE_ON_EXEC) === 0) {
      pipes.push({ read: ends[0]!, write: ends[1]! });
      continue;
    }
    const problem = lastError();
    for (const { read, write } of pipes) closeAll(read, write);
    return problem;
  }
  return pipes;
}

export function closeAll(...descriptors: readonly number[]): void {
  for (const descriptor of descriptors) closeSync(descriptor);
}
