import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a piece of work cost. */
export interface Watched {
  readonly ms: number;
  /** For how long the event loop of the process was blocked at most, in ms. */
  readonly blocked: number;
  /** Processor time that the process used, in us. */
  readonly cpu: number;
}

/** A measured process: the server, or the floor. */
export class MeasuredProcess {
  readonly #child: ChildProcess;

  /** Runs a command, which becomes a process of Node, with the probe beside it. */
  constructor(command: string, args: readonly string[]) {
    const probe = new URL('./user-probe.js', import.meta.url).href;
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
      env: { ...process.env, NODE_OPTIONS: `--import ${probe}` },
    });
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN;
  }

  /** Sends a message and resolves with the next one that comes. */
  ask(message: unknown): Promise<unknown> {
    this.#child.send(message as string);
    return this.heard();
  }

  /** Resolves with the next message that comes. */
  async heard(): Promise<unknown> {
    const ended = new AbortController();
    const exit = once(this.#child, 'exit', { signal: ended.signal }).then(() => {
      throw new Error('the measured process has ended');
    });
    exit.catch(() => 'nobody waits for it any more');
    const [answer] = await Promise.race([once(this.#child, 'message'), exit]);
    ended.abort();
    return answer;
  }

  /** Does `work` and measures it. */
  async watched(work: () => Promise<unknown>): Promise<Watched> {
    const cpu = (await this.ask('cpu')) as number;
    await this.ask('watch');
    const begin = performance.now();
    await work();
    const ms = performance.now() - begin;
    const blocked = (await this.ask('told')) as number;
    return { ms, blocked, cpu: ((await this.ask('cpu')) as number) - cpu };
  }

  /** The proportional share of memory of it and its keeper, in KB, 1.5 s from now. */
  async settledMemory(): Promise<number> {
    await sleep(1_500);
    return shareOf(this.pid) + keepersOf(this.pid).reduce((sum, keeper) => sum + shareOf(keeper), 0);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exit;
  }
}

/** The proportional share of memory of a process, in KB. */
export function shareOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
}

function keepersOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').startsWith('supertree-keeper'));
}
