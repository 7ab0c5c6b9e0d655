import { readdirSync, readFileSync } from 'node:fs';

/*
 * Facts from /proc, read without the code under test (proc_pid_stat(5), proc_pid_environ(5)).
 */

/** A process of the machine. */
export interface ProcessFacts {
  readonly pid: number;
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
}

/** A process that an agent started, in whatever group or session it is now. */
export interface Member extends ProcessFacts {
  readonly path: string;
  readonly incarnation: number;
}

/** The facts of one process; `undefined` when there is none. A defunct process has the state Z. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const line = textOf(`/proc/${pid}/stat`);
  if (line === '') return undefined;
  const field = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: field[0]!,
    parent: Number(field[1]),
    group: Number(field[2]),
    session: Number(field[3]),
    startTicks: Number(field[19]),
  };
}

/** The pending signals of a process, one bit each (ShdPnd, proc_pid_status(5)). */
export function pendingSignals(pid: number): bigint {
  return BigInt(`0x${/^ShdPnd:\s*(\w+)/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? '0'}`);
}

/** True when the process runs; false when it is gone or defunct. */
export function isRunning(pid: number): boolean {
  const process = processFacts(pid);
  return process !== undefined && process.state !== 'Z' && process.state !== 'X';
}

/** Every running process with `MARK=mark` in its environment, of one agent when `path` is given. */
export function processesMarked(mark: string, path?: string): Member[] {
  const members: Member[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const environ = textOf(`/proc/${name}/environ`);
    if (!environ.includes(`${MARK}=${mark}`)) continue;
    const process = processFacts(Number(name));
    if (process === undefined || process.state === 'Z') continue;
    const member = { ...process, path: variableOf(environ, 'SUPERTREE_AGENT_PATH'), incarnation: 0 };
    if (path !== undefined && member.path !== path) continue;
    members.push({ ...member, incarnation: Number(variableOf(environ, 'SUPERTREE_INCARNATION')) });
  }
  return members;
}

/** The environment variable by which the processes of one test are found. */
export const MARK = 'TREE_UNDER_TEST';

function variableOf(environ: string, name: string): string {
  const entry = environ.split('\0').find((each) => each.startsWith(`${name}=`));
  return entry === undefined ? '' : entry.slice(name.length + 1);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // gone, or not ours to read
  }
}
