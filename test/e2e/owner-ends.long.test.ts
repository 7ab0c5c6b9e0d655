import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Fate, OWNER_ENDS, type OwnerEnd } from '../../docs/owner-ends.js';
import { eventually, fixture } from '../contract/recorder.js';
import { PROGRAM } from '../program.js';
import { Marked } from './marked.js';
import { processFacts } from './proc.js';

/*
 * What becomes of the agents when the program above them ends: each cell of the table in docs/drivers.md. Below the program there are an agent, one that leaves
 * a daemon behind, and one that embeds a tree with the same again, and in that a third tree.
 */

type Owner = Exclude<keyof OwnerEnd, 'how'>;
type Name = keyof typeof OWNER_ENDS;

const NAMES = Object.keys(OWNER_ENDS) as Name[];
const OWNERS = ['embedded', 'server', 'keeping'] as const;

/** How many trees there are, one within another. */
const LEVELS = 3;

/** Of all trees: of each the program, its keeper, an agent, and two processes of the agent with a daemon. */
const PROCESSES = LEVELS * 5;

/** How long a program is stopped by SIGSTOP, in ms: longer than the deadlines for a process that answers, or starts, or ends. */
const STOPPED = 60_000;

/**
 * Runs that have each cell once, but SIGSTOP. The ways that leave the agents running need no agents of their own: they come first in one run, before SIGTERM
 * ends it.
 */
const RUNS = OWNERS.flatMap((owner) => {
  const of = (isWanted: (fate: Fate | null) => boolean) => NAMES.filter((name) => isWanted(OWNER_ENDS[name][owner]));
  const others = of((fate) => fate === 'kept' || fate === 'unaffected').filter((name) => name !== 'SIGSTOP');
  const ended = of((fate) => fate === 'ended');
  return ended.map((name) => [owner, name === 'SIGTERM' ? [...others, name] : [name]] as const);
});

describe('the agents of a program', () => {
  let rig: Rig | undefined;
  afterEach(() => {
    rig?.dispose();
    rig = undefined;
  });

  const stopped = OWNERS.map((owner) => new Rig(owner));
  let since = 0;
  /** They stand still while the other tests run. */
  beforeAll(async () => {
    for (const each of stopped) await each.start();
    for (const each of stopped) each.program.kill('SIGSTOP');
    since = performance.now();
  });
  afterAll(() => {
    for (const each of stopped) each.dispose();
  });

  it.each(RUNS)('(%s) have the fate that the table says: %s', async (owner, names) => {
    const made = new Rig(owner);
    rig = made;
    await made.start(names.includes('thread'));
    for (const name of names) {
      const before = made.pids();
      await made.end(name);
      const fate: Fate | null = OWNER_ENDS[name][owner];
      if (fate === 'kept') await made.startSuccessor(before);
      else if (fate === 'unaffected') expect(made.pids()).toEqual(before);
      else await eventually(() => made.hasEnded(name), 'the end of all');
    }
  });

  it('(all owners) have the fate that the table says: SIGSTOP, for a minute at least', async () => {
    expect(OWNERS.map((owner) => OWNER_ENDS.SIGSTOP[owner])).toEqual(OWNERS.map(() => 'unaffected'));
    await sleep(Math.max(0, since + STOPPED - performance.now()));
    const before = stopped.map((each) => each.pids());
    for (const each of stopped) each.program.kill('SIGCONT');
    await sleep(2_000);
    expect(stopped.map((each) => each.pids())).toEqual(before);
    expect(before.map((each) => each.length)).toEqual(OWNERS.map(() => PROCESSES));
    for (const each of stopped) await each.end('SIGTERM');
    await eventually(() => stopped.every((each) => each.hasEnded('SIGTERM')), 'the end of all');
  });
});

/** A program of one kind with its agents. */
class Rig {
  readonly #owner: Owner;
  readonly #marked = new Marked();
  #program: ChildProcess | undefined;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  get program(): ChildProcess {
    return this.#program!;
  }

  pids(): number[] {
    return this.#marked.pids();
  }

  /** Starts the program, and resolves when all agents run. */
  async start(isThread = false): Promise<void> {
    this.#launch(isThread);
    await eventually(() => this.#isComplete(), 'all agents');
  }

  /** Ends the program, or brings it close to it. */
  async end(name: Name): Promise<void> {
    if (name === 'returns') return;
    writeFileSync(join(this.#marked.directory, 'way'), name);
    this.program.kill(name.startsWith('SIG') ? (name as NodeJS.Signals) : 'SIGWINCH');
    if (name === 'descriptors') await this.#prints('used up: EMFILE');
  }

  /** True when nothing is left. The program itself goes on without the thread that was terminated. */
  hasEnded(name: Name): boolean {
    return this.pids().every((pid) => name === 'thread' && pid === this.program.pid);
  }

  /** Starts the next server with the same state directory, and resolves when it has taken over what the last one left: all its processes. */
  async startSuccessor(before: readonly number[]): Promise<void> {
    const last = this.program.pid!;
    await eventually(() => processFacts(last) === undefined, 'the end of the server');
    this.#launch(false);
    await this.#prints('is up');
    const others = (list: readonly number[], own: number) => list.filter((pid) => pid !== own);
    expect(others(this.pids(), this.program.pid!)).toEqual(others(before, last));
  }

  dispose(): void {
    this.#marked.dispose();
  }

  /** The program has a small heap and few descriptors. */
  #launch(isThread: boolean): void {
    const hook = new URL(`../fixtures/ends-on-signal.mjs?${join(this.#marked.directory, 'way')}`, import.meta.url).href;
    const [node, ...rest] =
      this.#owner === 'embedded' ? fixture('owner', LEVELS, isThread ? 'thread' : '') : this.#server();
    const command = [node!, '--max-old-space-size=100', '--import', hook, ...rest];
    const words = ['-c', 'ulimit -n 256; ulimit -c 0; exec "$@"', 'sh', ...command];
    this.#program = spawn('sh', words, { env: this.#marked.env, stdio: ['ignore', 'pipe', 'ignore'] });
  }

  #server(): string[] {
    const stop = { ask: 20_000 };
    const children = [
      { id: 'plain', command: ['sleep', '300'], stop },
      { id: 'daemon', command: ['sh', '-c', '( setsid sleep 300 & ); exec sleep 300'], stop },
      { id: 'inner', command: fixture('owner', LEVELS - 1), stop },
    ];
    const file = join(this.#marked.directory, 'tree.json');
    writeFileSync(file, JSON.stringify({ children }));
    const state = this.#owner === 'keeping' ? ['--state', join(this.#marked.directory, 'state')] : [];
    return [...PROGRAM, 'serve', file, '--endpoint', `ipc://${join(this.#marked.directory, 's.sock')}`, ...state];
  }

  #prints(expected: string): Promise<void> {
    let text = '';
    this.program.stdout!.on('data', (bytes) => {
      text += bytes;
    });
    return eventually(() => text.includes(expected), expected);
  }

  /** A shell that is about to start a daemon is in the session of its agent; all others have sessions of their own. */
  #isComplete(): boolean {
    const processes = this.#marked.members();
    const isSettled = processes.every(({ pid, session }) => pid === session || pid === this.program.pid);
    return processes.length === PROCESSES && isSettled;
  }
}
