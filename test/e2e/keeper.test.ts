import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { isRunning, MARK, processesMarked, processFacts } from './proc.js';
import {
  IMMEDIATE_RESTARTS,
  LONG_STAGES,
  SHORT_ASK,
  sh,
  shareKeeper,
  sleeper,
  started,
  world as worldOf,
} from './world.js';

shareKeeper();

const marks: string[] = [];
afterEach(() => {
  for (const { pid } of marks.splice(0).flatMap((mark) => processesMarked(mark))) process.kill(pid, 'SIGKILL');
});

interface Program {
  readonly host: ChildProcess;
  readonly mark: string;
  /** Resolves with the pids of its agents, among them one without the mark. */
  readonly pids: () => Promise<number[]>;
}

/** Runs a program that embeds a tree below a keeper. */
function program(how: string): Program {
  const [node, ...args] = fixture('embeds-agents', how);
  const mark = randomUUID();
  marks.push(mark);
  const host = spawn(node!, args, { env: { ...process.env, [MARK]: mark }, stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '';
  host.stdout.on('data', (bytes) => {
    text += bytes;
  });
  const pids = async () => {
    await eventually(() => text.includes('\n'), 'the pids');
    return text.trim().split(' ').slice(1).map(Number);
  };
  return { host, mark, pids };
}

/** Waits until nothing is left of a program, its agents and its keeper. */
function nothingLeft(mark: string, pids: readonly number[]): Promise<void> {
  return eventually(() => processesMarked(mark).length === 0 && !pids.some(isRunning), 'the end of all processes');
}

describe('a program with a tree below a keeper', () => {
  it('leaves nothing when it is killed, not of agents that ignore their signal or have daemons of another session and environment either', async () => {
    const { host, mark, pids } = program('waits');
    const agents = await pids();
    expect(agents.filter(isRunning)).toHaveLength(4);
    host.kill('SIGKILL');
    await nothingLeft(mark, agents);
  });

  it('starts and stops agents although it has no descriptor left: those of agents are in the keeper', async () => {
    // Node reads the modules of the program at the same time, with a descriptor for each.
    const command = ['sh', '-c', 'ulimit -n 256; exec "$@"', 'sh', ...fixture('without-descriptors', 'keeper')];
    const { stdout } = await promisify(execFile)(command[0]!, command.slice(1));
    const { pids, ...stop } = JSON.parse(stdout) as { pids: number[] };
    expect(stop).toEqual({ refused: null, clean: true, left: [] });
    expect(pids).toHaveLength(4);
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('starts agents in its own directory with either driver, even when that was removed', async () => {
    const [node, ...args] = fixture('removed-directory', 'keeper', 'local');
    const { stdout } = await promisify(execFile)(node!, args);
    expect(stdout).toMatch(/^(\S*supertree-removed-\w{6} \(deleted\)\n){2}$/);
  });

  it('ends by itself when it has no agent any more', async () => {
    const { host, mark } = program('idle');
    expect(await once(host, 'exit')).toEqual([0, null]);
    await nothingLeft(mark, []);
  });
});

describe('a tree below a keeper', () => {
  it('leaves nothing of the tree that an agent embeds, when that agent is killed', async () => {
    const inner = { id: 'inner', command: fixture('embeds-agents', 'waits'), stop: LONG_STAGES };
    const world = await started({ children: [inner], ...IMMEDIATE_RESTARTS });
    await world.printed('inner', 'pids ');
    const agents = /pids (.*)/.exec(world.text('inner'))![1]!.split(' ').map(Number);
    expect(agents.filter(isRunning)).toHaveLength(4);
    process.kill(world.pid('inner'), 'SIGKILL');
    await eventually(() => !agents.some(isRunning), 'the end of the inner agents');
    await eventually(
      () => world.view('inner').incarnation === 2 && world.text('inner').split('pids').length === 3,
      'a restart',
    );
    const later = world.text('inner').trim().split('\n').at(-1)!.split(' ').slice(1).map(Number);
    await world.tree.agent('inner').kill();
    expect(later.filter(isRunning)).toEqual([]);
  });

  it('starts 100 agents, each with the keeper as its parent, and stops them', async () => {
    const children = Array.from({ length: 100 }, (_, index) => sleeper(`a${index}`));
    const world = await started({ children, start: 'parallel' });
    const pids = world.tree.agents().map(({ pid }) => pid!);
    expect(new Set(pids).size).toBe(100);
    const keepers = new Set(pids.map((pid) => parentOf(pid)));
    expect(keepers.size).toBe(1);
    expect(keepers).not.toContain(process.pid);
    expect(await world.tree.stop()).toMatchObject({ clean: true, left: [] });
    expect(pids.filter(isRunning)).toEqual([]);
  });

  it('restarts an agent that crashes, and leaves none of its daemons', async () => {
    const crashes = sh('( env -i setsid sh -c "echo \\$\\$; exec sleep 300" & ); exit 3');
    const child = { id: 'crashes', command: crashes, stop: SHORT_ASK };
    const world = await started({ children: [], ...IMMEDIATE_RESTARTS });
    void world.tree.supervisor().add(child);
    await world.reported('exited', 'root/crashes', 20);
    await world.tree.stop();
    const exits = world.exits('root/crashes').filter(({ commanded }) => !commanded);
    expect(exits.every(({ code, cause }) => code === 3 && cause === 'exit')).toBe(true);
    const daemons = world.text('root/crashes').trim().split('\n').map(Number);
    expect(daemons.length).toBeGreaterThan(0);
    expect(daemons.filter(isRunning)).toEqual([]);
  });

  it('keeps every line that agents print, also right before their end', async () => {
    const count = sh('i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done; exit 0');
    const children = Array.from({ length: 8 }, (_, index) => ({
      id: `a${index}`,
      command: count,
      restart: 'transient' as const,
      output: { lines: 5000 },
    }));
    const world = worldOf({ children, start: 'parallel' });
    await world.tree.start();
    for (const { id } of children) await world.becomes(id, 'completed');
    const expected = Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join('');
    for (const { id } of children) expect(world.text(id)).toBe(expected);
  });

  it('restarts the agents of a keeper that was killed, with the cause lost', async () => {
    const world = await started(
      { children: [sleeper('a'), sleeper('b')], ...IMMEDIATE_RESTARTS },
      { driver: 'keeper' },
    );
    const before = [world.pid('a'), world.pid('b')];
    process.kill(parentOf(before[0]!), 'SIGKILL');
    for (const id of ['a', 'b']) {
      const { exit } = await world.reported('exited', `root/${id}`);
      expect(exit).toMatchObject({ cause: 'lost', code: null, signal: null });
      expect(exit.detail).toMatch(/^its keeper, pid \d+, is gone: it was ended by SIGKILL$/);
      await eventually(() => world.view(id).incarnation === 2 && world.view(id).state === 'running', `${id} again`);
    }
    await eventually(() => before.every((pid) => processFacts(pid) === undefined), 'init to reap them');
  });
});

function parentOf(pid: number): number {
  return processFacts(pid)!.parent;
}
