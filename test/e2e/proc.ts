import { readdirSync, readFileSync } from 'node:fs';

/*
 * What /proc says, read without the code under test (proc_pid_stat(5), proc_pid_environ(5)).
 */

/** A process of the machine. */
export interface Witness {
  readonly pid: number;
  readonly state: string;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
}

/** A process that was started by an agent, however far it has gone since. */
export interface Member extends Witness {
  readonly path: string;
  readonly incarnation: number;
}

/** One process; `undefined` when there is none. One that waits to be reaped has state Z. */
export function witness(pid: number): Witness | undefined {
  const line = textOf(`/proc/${pid}/stat`);
  if (line === '') return undefined;
  const field = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    state: field[0]!,
    group: Number(field[2]),
    session: Number(field[3]),
    startTicks: Number(field[19]),
  };
}

/** The signals that wait for a process, one bit each (ShdPnd, proc_pid_status(5)). */
export function pendingSignals(pid: number): bigint {
  return BigInt(`0x${/^ShdPnd:\s*(\w+)/m.exec(textOf(`/proc/${pid}/status`))?.[1] ?? '0'}`);
}

/** True when the process runs; false when it is gone or only waits to be reaped. */
export function lives(pid: number): boolean {
  const seen = witness(pid);
  return seen !== undefined && seen.state !== 'Z' && seen.state !== 'X';
}

/** Every living process with `MARK=mark` in its environment, of one agent when `path` is given. */
export function marked(mark: string, path?: string): Member[] {
  const members: Member[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const environ = textOf(`/proc/${name}/environ`);
    if (!environ.includes(`${MARK}=${mark}`)) continue;
    const seen = witness(Number(name));
    if (seen === undefined || seen.state === 'Z') continue;
    const member = { ...seen, path: variableOf(environ, 'SUPERTREE_AGENT_PATH'), incarnation: 0 };
    if (path !== undefined && member.path !== path) continue;
    members.push({ ...member, incarnation: Number(variableOf(environ, 'SUPERTREE_INCARNATION')) });
  }
  return members;
}

/** The variable that all agents of one test carry. */
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
