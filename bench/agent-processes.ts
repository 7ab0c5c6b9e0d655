import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/*
 * What the agents of a measured supervisor do, read from /proc: the same for every supervisor, whatever it says itself. Each agent is a
 * `sleep` with an argument of its own, by which its process is recognised once it has executed the program.
 */

const LIMIT = 120_000;

export class AgentProcesses {
  readonly count: number;
  /** The argument of an agent without its number, which is four digits. */
  readonly prefix: string;
  readonly #pids = new Map<number, number>();
  readonly #unknown = new Set<number>();
  #last = lastPid();

  /** Agents have numbers from 0; `run` is digits that no other run at the same time has. */
  constructor(count: number, run: string) {
    this.count = count;
    this.prefix = `600.${run}`;
  }

  command(agent: number): readonly ['sleep', string] {
    return ['sleep', argument(this.prefix, agent)];
  }

  pidOf(agent: number): number {
    const pid = this.#pids.get(agent);
    if (pid === undefined) throw new Error(`agent ${agent} does not run`);
    return pid;
  }

  /** Resolves when all agents run. Looks once in a millisecond or less often, so that this process has time for requests. */
  async allRun(): Promise<void> {
    await until('all agents run', 1, () => {
      this.#look();
      return this.#pids.size === this.count;
    });
  }

  /** Resolves when these agents run in other processes than `pids`, in the same order. Looks every 0.1 ms, or less often. */
  async areReplaced(agents: readonly number[], pids: readonly number[]): Promise<void> {
    await until('the agents are replaced', 0.1, () => {
      this.#look();
      return agents.every((agent, at) => this.#pids.get(agent) !== pids[at]);
    });
  }

  /** Resolves when these agents have no process any more, defunct ones included. */
  async areGone(agents: readonly number[]): Promise<void> {
    const left = agents.map((agent) => this.pidOf(agent));
    await until('the agents are gone', 1, () => {
      while (left.length > 0 && this.#isGone(left.at(-1) as number)) left.pop();
      return left.length === 0;
    });
    for (const agent of agents) this.#pids.delete(agent);
  }

  /** Throws when an agent that was seen running does not run any more. */
  expectRunning(): void {
    for (const [agent, pid] of this.#pids) {
      if (agentIn(commandLine(pid) ?? '', this.prefix) !== agent) throw new Error(`agent ${agent} (${pid}) has ended`);
    }
  }

  isAgent(pid: number): boolean {
    return agentIn(commandLine(pid) ?? '', this.prefix) !== null;
  }

  /** Forgets the processes that were seen and did not become agents, so that they need not be looked at again. */
  forgetOthers(): void {
    this.#unknown.clear();
  }

  /**
   * Only processes that were created since the last look are read, and those that were no agents yet: 1. a supervisor forks, 2. the kernel
   * counts the pid, 3. the process appears in /proc, 4. it executes the program, perhaps through a shell.
   */
  #look(): void {
    const last = lastPid();
    for (const pid of pidsAfter(this.#last, last)) this.#unknown.add(pid);
    this.#last = last;
    for (const pid of this.#unknown) {
      const agent = agentIn(commandLine(pid) ?? '', this.prefix);
      if (agent === null) continue;
      this.#pids.set(agent, pid);
      this.#unknown.delete(pid);
    }
  }

  /** A defunct process has an empty command line. */
  #isGone(pid: number): boolean {
    const text = commandLine(pid);
    return text === null || (text !== '' && agentIn(text, this.prefix) === null);
  }
}

function argument(prefix: string, agent: number): string {
  return `${prefix}${String(agent).padStart(4, '0')}`;
}

/** The number of the agent whose command line this is (proc_pid_cmdline(5)); `null` for any other. */
export function agentIn(commandLine: string, prefix: string): number | null {
  const [program = '', word = '', ...rest] = commandLine.split('\0');
  if (basename(program) !== 'sleep' || !word.startsWith(prefix) || rest.join('') !== '') return null;
  const digits = word.slice(prefix.length);
  return /^\d{4}$/.test(digits) ? Number(digits) : null;
}

/** The pids that were given between two looks, when `last` was the last one before and `now` is now. They begin again at 1. */
export function pidsAfter(last: number, now: number, max = PID_MAX): number[] {
  const range = (from: number, to: number) => Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);
  return now >= last ? range(last + 1, now) : [...range(last + 1, max - 1), ...range(1, now)];
}

const PID_MAX = Number(readFileSync('/proc/sys/kernel/pid_max', 'utf8'));
const buffer = Buffer.alloc(4_096);

/** The pid that was given last (proc_loadavg(5)). */
function lastPid(): number {
  return Number(read('/proc/loadavg').split(' ').at(-1));
}

/** `null` when there is no such process. */
function commandLine(pid: number): string | null {
  try {
    return read(`/proc/${pid}/cmdline`);
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** The first 4 KiB; cheaper than readFileSync, for what is read every 0.1 ms. */
function read(path: string): string {
  const file = openSync(path, 'r');
  try {
    return buffer.toString('latin1', 0, readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(file);
  }
}

/** Looks again after `pause` ms, or after four times as long as a look takes: looking is not what is measured. */
async function until(what: string, pause: number, isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + LIMIT;
  for (;;) {
    const begin = performance.now();
    if (isSo()) return;
    const end = performance.now();
    if (end > deadline) throw new Error(`it takes longer than ${LIMIT / 1_000} s until ${what}`);
    await rest(Math.max(pause, 4 * (end - begin)));
  }
}

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Timers of Node have a resolution of 1 ms. */
async function rest(ms: number): Promise<void> {
  if (ms >= 1) return void (await sleep(ms));
  Atomics.wait(clock, 0, 0, ms);
  await nextTurn();
}
