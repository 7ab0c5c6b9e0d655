import { constants } from 'node:os';
import { declare, lastError } from './libc.js';

const waitpid = declare('int waitpid(int pid, void *status, int options)');
const waitid = declare('int waitid(int type, int id, void *info, int options)');

/** A child that has ended, with its status as waitpid(2) returned it. From now on its pid may belong to another process. */
export interface Reaped {
  readonly pid: number;
  readonly status: number;
}

const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
const P_ALL = 0;
const status = new Int32Array(1);
/** siginfo_t, of which the first field is the signal. */
const info = new Int32Array(32);

/** Reaps one child that has ended, any one; `null` when there is none. To be called until then, because the kernel merges several SIGCHLD into one. */
export function reapOne(): Reaped | null {
  for (;;) {
    const pid = waitpid(-1, status, WNOHANG);
    if (pid > 0) return { pid, status: status[0]! };
    if (pid === 0 || lastError() !== constants.errno.EINTR) return null; // no child has ended, or there is none (ECHILD)
  }
}

/** Whether a child has ended and was not reaped; it stays so. */
export function hasDefunctChild(): boolean {
  info[0] = 0;
  return waitid(P_ALL, 0, info, WNOHANG | WEXITED | WNOWAIT) === 0 && info[0] !== 0;
}

/** Reaps this child, if it has ended. */
export function reap(pid: number): void {
  waitpid(pid, status, WNOHANG);
}
