import { closeSync, readdirSync } from 'node:fs';
import { declare, lastError } from './libc.js';

const pipe2 = declare('int pipe2(void *ends, int flags)');
const fcntl = declare('int fcntl(int fd, int command, ...)');

/** O_CLOEXEC of pipe2(2), the same number on every processor that koffi is built for. */
const CLOSE_ON_EXEC = 0o2000000;
const GET_FLAGS = 1;
const FLAG_CLOEXEC = 1;

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

/**
 * Closes the descriptors from 3 up that this process has inherited: a lock or a listening socket of the program above must not outlive it. An inherited
 * descriptor is not marked FD_CLOEXEC, unless it is low: Node marks those up to 15 at its start, so that no child gets one. Its own are all marked.
 */
export function shedInheritedDescriptors(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor < 3) continue;
    const flags = fcntl(descriptor, GET_FLAGS);
    // Negative: the descriptor of this listing, which is closed already.
    if (flags >= 0 && (flags & FLAG_CLOEXEC) === 0) closeSync(descriptor);
  }
}
