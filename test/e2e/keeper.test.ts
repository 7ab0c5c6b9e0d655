import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { markedEach } from './marked.js';
import { isRunning, processFacts } from './proc.js';
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

const marked = markedEach();

describe('a program with a tree below a keeper', () => {
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
    const [node, ...args] = fixture('embeds-agents', 'idle');
    const host = spawn(node!, args, { env: marked().env, stdio: 'ignore' });
    expect(await once(host, 'exit')).toEqual([0, null]);
    await eventually(() => marked().pids().length === 0, 'the end of the keeper');
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

  it('starts 40 agents, each with the keeper as its parent, and stops them', async () => {
    const children = Array.from({ length: 40 }, (_, index) => sleeper(`a${index}`));
    const world = await started({ children, start: 'parallel' });
    const pids = world.tree.agents().map(({ pid }) => pid!);
    expect(new Set(pids).size).toBe(40);
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
    await world.reported('exited', 'root/crashes', 8);
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
