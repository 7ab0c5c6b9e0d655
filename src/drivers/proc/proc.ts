import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { withDescriptor } from './spare-descriptor.js';

/*
 * Reads /proc (proc_pid_stat(5) and related pages). Every result holds for one moment: a process may be gone before the caller uses it. So a missing
 * process gives `undefined`, never an error.
 */

/** The fields of /proc/PID/stat that supervision needs. */
export interface ProcStat {
  readonly pid: number;
  /** The name of the program, at most 15 bytes, as the kernel keeps it. */
  readonly name: string;
  /** R, S, D, Z, T, t, X, I. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly threads: number;
  /** Ticks between the boot of the kernel and the start of the process: with pid and boot id, its identity. */
  readonly startTicks: number;
}

/** The stat of one process, or of one thread by its id; `undefined` when there is no such process. */
export function readStat(pid: number | 'self' | 'thread-self'): ProcStat | undefined {
  const text = readSmall(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Parses one line of /proc/PID/stat. The name may contain spaces and parentheses; the last parenthesis closes it. */
export function parseStat(line: string): ProcStat | undefined {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  const field = line.slice(close + 2).split(' ');
  if (open < 0 || field.length < 20) return undefined;
  return {
    pid: Number.parseInt(line, 10),
    name: line.slice(open + 1, close),
    state: field[0]!,
    parent: Number(field[1]),
    group: Number(field[2]),
    session: Number(field[3]),
    threads: Number(field[17]),
    startTicks: Number(field[19]),
  };
}

/** The length of a tick of proc_pid_stat(5) in ms: USER_HZ is 100 on every processor that Node runs on. */
const TICK = 10;

/** The cpu time of the ended children that a process has waited for, and of theirs, in ms: cutime and cstime. `undefined` when there is no such process. */
export function childTimeOf(pid: number): number | undefined {
  const line = readSmall(`/proc/${pid}/stat`);
  if (line === undefined) return undefined;
  const field = line.slice(line.lastIndexOf(')') + 2).split(' ', 15);
  return (Number(field[13]) + Number(field[14])) * TICK;
}

/** True when no thread of the process runs any more: it only waits to be reaped. A leader that ended before its threads still lives. */
export function isDefunct(stat: ProcStat): boolean {
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1;
}

/** The direct children of a process, those of all its threads. Empty when it is gone. */
export function childrenOf(pid: number): number[] {
  return entriesOf(`/proc/${pid}/task`).flatMap((tid) => numbers(readSmall(`/proc/${pid}/task/${tid}/children`)));
}

/**
 * The children of this process that its main thread has made or that came to it as orphans, oldest first; `undefined` when they cannot be listed. A child
 * stays in the list until it is reaped. Orphans come to the main thread while it lives, and are appended.
 */
export function childrenOfMainThread(): number[] | undefined {
  const text = readSmall(`/proc/self/task/${process.pid}/children`);
  return text === undefined ? undefined : numbers(text);
}

/**
 * False when `childrenOfMainThread` would list the children with these pids and no other. `length`: that of the text of these pids, each followed by a space.
 * Among thousands of children this is far cheaper than a listing. They must not have been reaped.
 */
export function hasOtherChildren(length: number): boolean {
  try {
    return withDescriptor(() => isLongerThan(`/proc/self/task/${process.pid}/children`, length));
  } catch {
    return true; // no descriptor is left
  }
}

/** The soft limit of file locks of a process, for which RLIMIT_LOCKS stands in getrlimit(2); `undefined` when it is unlimited or cannot be read. */
export function fileLockLimit(pid: number): bigint | undefined {
  const limit = /^Max file locks +(\d+)/m.exec(readSmall(`/proc/${pid}/limits`) ?? '')?.[1];
  return limit === undefined ? undefined : BigInt(limit);
}

/** Every process that this process can see, in ascending order of the kernel's table; `undefined` when /proc cannot be listed. */
export function listPids(): number[] | undefined {
  const names = entriesOf('/proc');
  // The list always contains this process.
  if (names.length === 0) return undefined;
  const pids: number[] = [];
  for (const name of names) {
    const first = name.charCodeAt(0);
    if (first >= 48 && first <= 57) pids.push(Number(name));
  }
  return pids;
}

/**
 * The value of one variable in the environment that a process was started with; `null` when it has no such variable, `undefined` when the environment
 * cannot be read: the process is gone, defunct, foreign, or in the middle of execve(2) (proc_pid_environ(5)).
 */
export function environValue(pid: number, variable: string): string | null | undefined {
  try {
    const environ = withDescriptor(() => readFileSync(`/proc/${pid}/environ`));
    return environ.length === 0 ? undefined : valueIn(environ, `${variable}=`);
  } catch {
    return undefined;
  }
}

/** The command line with spaces between the arguments, cut at 256 characters; the name in brackets when it has none. */
export function commandLine(stat: ProcStat): string {
  const text = readSmall(`/proc/${stat.pid}/cmdline`)?.replace(/\0+$/, '').replaceAll('\0', ' ') ?? '';
  return text === '' ? `[${stat.name}]` : text.slice(0, 256);
}

/** The latest pid that the kernel assigned in this pid namespace: proc_loadavg(5). */
export function lastPid(): number {
  const text = readSmall('/proc/loadavg') ?? '';
  return Number(text.slice(text.lastIndexOf(' ') + 1));
}

/** The number of processes and threads since boot, on the whole machine: proc_stat(5). */
export function forksSinceBoot(): number {
  return Number(/^processes (\d+)$/m.exec(readWhole('/proc/stat'))?.[1] ?? 0);
}

/** After so many new processes and threads a pid may be reused: proc_sys_kernel(5). */
export function pidMax(): number {
  return Number(readWhole('/proc/sys/kernel/pid_max')) || 32_768;
}

function valueIn(environ: Buffer, assignment: string): string | null {
  for (let at = environ.indexOf(assignment); at >= 0; at = environ.indexOf(assignment, at + 1)) {
    if (at > 0 && environ[at - 1] !== 0) continue;
    const end = environ.indexOf(0, at);
    return environ.toString('utf8', at + assignment.length, end < 0 ? environ.length : end);
  }
  return null;
}

function entriesOf(directory: string): string[] {
  try {
    return withDescriptor(() => readdirSync(directory));
  } catch {
    return []; // the process is gone, or no descriptor is left
  }
}

function numbers(text: string | undefined): number[] {
  return text === undefined || text === '' ? [] : text.trim().split(' ').map(Number);
}

/** Reads a small file of /proc. readFileSync takes twice as long, because it asks for the size first. A read may end at a page before the file does. */
function readSmall(path: string): string | undefined {
  try {
    return withDescriptor(() => readOnce(path));
  } catch {
    return undefined; // gone between two looks (ENOENT, ESRCH), not ours to read (EACCES), or no descriptor is left
  }
}

function readOnce(path: string): string {
  const fd = openSync(path, 'r');
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < scratch.length; length += read)
      read = readSync(fd, scratch, length, scratch.length - length, null);
    if (length < scratch.length) return scratch.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
  return readFileSync(path, 'utf8');
}

function isLongerThan(path: string, length: number): boolean {
  const fd = openSync(path, 'r');
  try {
    return readSync(fd, scratch, 0, 1, length) > 0;
  } finally {
    closeSync(fd);
  }
}

function readWhole(path: string): string {
  try {
    return withDescriptor(() => readFileSync(path, 'utf8'));
  } catch {
    return ''; // not there in a restricted /proc
  }
}

const scratch = Buffer.allocUnsafeSlow(16_384);
