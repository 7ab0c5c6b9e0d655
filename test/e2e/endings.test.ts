import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CommandAgent } from '../../src/index.js';
import { eventually } from '../contract/recorder.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, sh, shareKeeper, sleeper, started, world } from './world.js';

shareKeeper();

describe('agents that end by themselves', () => {
  it('restarts a crashed agent as the same agent, without an effect on its siblings', async () => {
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [sleeper('a'), sleeper('b')] });
    const { uuid, createdAt } = w.view('a');
    const [a, b] = [w.pid('a'), w.pid('b')];
    process.kill(a, 'SIGSEGV');
    await w.reported('ready', 'root/a', 2);
    expect(w.exits('root/a')[0]).toMatchObject({
      incarnation: 1,
      pid: a,
      code: null,
      commanded: false,
      cause: 'signal',
    });
    expect(w.exits('root/a')[0]?.signal).toBe('SIGSEGV');
    expect(w.view('a')).toMatchObject({ uuid, createdAt, restarts: 1, incarnation: 2, state: 'running' });
    expect(w.tree.agent(uuid).path).toBe('root/a');
    expect(w.pid('b')).toBe(b);
    expect(w.pid('a')).not.toBe(a);
    expect(w.view('b').restarts).toBe(0);
    w.expectTrueStates();
  });

  it('keeps the last lines of standard error in the exit record', async () => {
    const crash = sh(
      '[ "$SUPERTREE_INCARNATION" = 1 ] && { echo one; printf "last words" >&2; exit 3; }; exec sleep 300',
    );
    const w = world({ ...IMMEDIATE_RESTARTS, children: [sleeper('a', { command: crash })] });
    await w.tree.start();
    await w.reported('ready', 'root/a', 2);
    expect(w.view('a').exit).toMatchObject({ code: 3, signal: null, tail: ['last words'], cause: 'exit', oom: false });
  });

  it('does not restart a completed agent, and reports it', async () => {
    const w = await started({ children: [sleeper('a', { command: sh('sleep 0.1'), restart: 'transient' })] });
    await w.becomes('a', 'completed');
    expect(w.view('a')).toMatchObject({ pid: null, incarnation: 1, restarts: 0, detail: 'completed' });
    expect(w.states('root/a')).toEqual(['spawning', 'running', 'completed']);
    expect(w.tree.status).toBe('running');
    w.expectTrueStates();
    await w.tree.agent('a').start();
    await w.reported('state', 'root/a', 6);
    expect(w.view('a').incarnation).toBe(2);
  });

  it('restarts the children started after a crashed one, under rest_for_one', async () => {
    const children = ['a', 'b', 'c'].map((id) => sleeper(id));
    const w = await started({ ...IMMEDIATE_RESTARTS, strategy: 'rest_for_one', children });
    const [a, c] = [w.pid('a'), w.pid('c')];
    process.kill(w.pid('b'), 'SIGKILL');
    await w.reported('ready', 'root/c', 2);
    expect(w.pid('a')).toBe(a);
    expect(w.pid('c')).not.toBe(c);
    expect(w.exits('root/c')).toMatchObject([{ commanded: true, cause: 'sibling' }]);
    expect(w.all('ready').map(({ path }) => path.slice(-1))).toEqual(['a', 'b', 'c', 'b', 'c']);
    w.expectTrueStates();
  });

  it('fails after the budget, stops the other children in reverse and names the culprit', async () => {
    const crash = sh('sleep 0.05; exit 9');
    const children = [sleeper('a'), sleeper('b'), sleeper('c', { command: crash })];
    const w = world({ maxRestarts: 3, backoff: { initial: 1, max: 1 }, children });
    await w.tree.start();
    const end = await w.tree.ended;
    expect(end).toMatchObject({ clean: false, left: [] });
    expect(end.reason).toMatch(/^c ended 4 times within 60000 ms, last with exit code 9$/);
    expect(w.all('ready', 'root/c')).toHaveLength(4);
    expect(w.all('restarting', 'root/c').map(({ left }) => left)).toEqual([2, 1, 0]);
    expect(w.all('exhausted')).toMatchObject([{ path: 'root/c', restarts: 4, reason: 'exit code 9' }]);
    expect(
      w
        .all('exited')
        .slice(-2)
        .map(({ path }) => path),
    ).toEqual(['root/b', 'root/a']);
    expect(w.tree.status).toBe('failed');
    expect(w.members()).toEqual([]);
    w.expectTrueStates();
  });

  it('escalates the exhaustion of a nested supervisor to its parent, which restarts it', async () => {
    const crash = sh('[ "$SUPERTREE_INCARNATION" -lt 5 ] && { sleep 0.02; exit 1; }; exec sleep 300');
    const inner = {
      id: 'inner',
      maxRestarts: 2,
      backoff: { initial: 1, max: 1 },
      children: [sleeper('a', { command: crash })],
    };
    const w = world({ ...IMMEDIATE_RESTARTS, children: [inner, sleeper('b')] });
    await w.tree.start();
    const uuid = w.view('a').uuid;
    await eventually(
      () => w.all('ready', 'root/inner/a').some(({ incarnation }) => incarnation === 5),
      'the fifth start',
    );
    expect(w.all('supervisor', 'root/inner').map(({ status }) => status)).toEqual([
      'booting',
      'running',
      'stopping',
      'failed',
      'booting',
      'running',
    ]);
    expect(w.view('a')).toMatchObject({ uuid, incarnation: 5 });
    expect(w.view('b').incarnation).toBe(1);
    w.expectTrueStates();
  });

  it('leaves a child down when its budget is used up and onExhausted is fail', async () => {
    const children = [sleeper('a', { command: sh('sleep 0.02; exit 1') }), sleeper('b')];
    const w = world({ maxRestarts: 2, backoff: { initial: 1, max: 1 }, onExhausted: 'fail', children });
    await w.tree.start();
    await w.reported('exhausted', 'root/a');
    expect(w.view('a')).toMatchObject({ state: 'failed', detail: 'failed.exhausted', retryIn: null, incarnation: 3 });
    expect(w.tree.status).toBe('running');
    w.expectTrueStates();
    await w.tree.agent('a').start();
    expect(w.view('a').incarnation).toBe(4);
  });

  it('tries once more after the cooldown', async () => {
    const crash = sh('[ "$SUPERTREE_INCARNATION" = 3 ] && exec sleep 300; sleep 0.02; exit 1');
    const budget = { maxRestarts: 1, backoff: { initial: 1, max: 1 }, onExhausted: 'cooldown', cooldown: 150 } as const;
    const w = world({ ...budget, children: [sleeper('a', { command: crash })] });
    await w.tree.start();
    await w.reported('exhausted', 'root/a');
    expect(w.view('a')).toMatchObject({ detail: 'failed.retrying', retryIn: 150 });
    await w.reported('ready', 'root/a', 3);
    w.expectTrueStates();
  });
});

describe('agents that do not come up', () => {
  const failing = async (agent: Partial<CommandAgent>) => {
    const w = await started({ children: [sleeper('before')] });
    const reason = w.tree.supervisor().add(sleeper('a', agent));
    await expect(reason).rejects.toMatchObject({ code: 'START_FAILED' });
    const { message } = (await reason.catch((error: unknown) => error)) as Error;
    expect(w.states('root/a').at(-1)).toBe('failed');
    expect(w.all('removed').map(({ path }) => path)).toEqual(['root/a']);
    expect(w.members('root/a')).toEqual([]);
    w.expectTrueStates();
    return { w, message, exit: w.exits('root/a')[0]! };
  };

  it('distinguishes an exit before readiness from a crash', async () => {
    const { exit, message } = await failing({ command: sh('exit 4'), readiness: { type: 'log', pattern: 'up' } });
    expect(exit).toMatchObject({ code: 4, cause: 'exit', readyAt: null });
    expect(message).toContain('exit code 4 before it was ready');
  });

  it('ends an agent that is not ready in time, its children with it', async () => {
    const command = sh('setsid sleep 300 & echo almost; wait');
    const { exit, w } = await failing({ command, readiness: { type: 'log', pattern: 'up', timeout: 300 } });
    expect(exit).toMatchObject({ cause: 'readiness-timeout', commanded: false, readyAt: null });
    expect(w.states('root/a')).toEqual(['spawning', 'stopping', 'failed']);
  });

  it('names a command that does not exist', async () => {
    const { exit, message } = await failing({ command: ['no-such-program-anywhere'] });
    expect(exit).toMatchObject({ cause: 'spawn-error', pid: null, code: null, signal: null });
    expect(message).toContain('command no-such-program-anywhere not found');
  });

  it('names a file that is not executable', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'supertree-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'program');
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, 0o644);
    const { message } = await failing({ command: [file] });
    expect(message).toContain(`${file} is not executable`);
  });

  it('names a working directory that is missing', async () => {
    const { message } = await failing({ cwd: '/no/such/directory' });
    expect(message).toContain('working directory /no/such/directory does not exist');
  });

  it('rejects the start of a tree, and stops the started children in reverse', async () => {
    const broken = sleeper('c', { command: ['no-such-program-anywhere'] });
    const w = world({ children: [sleeper('a'), sleeper('b'), broken, sleeper('d')] });
    await expect(w.tree.start()).rejects.toMatchObject({ code: 'BOOT_FAILED', details: { child: 'root/c' } });
    expect(w.all('exited').map(({ path }) => path)).toEqual(['root/c', 'root/b', 'root/a']);
    expect(w.all('exited', 'root/a')[0]?.exit).toMatchObject({ cause: 'shutdown', commanded: true });
    expect(w.all('state', 'root/d')).toEqual([]);
    expect(w.members()).toEqual([]);
    expect(await w.tree.ended).toMatchObject({ clean: false, left: [] });
  });

  it('tries a failed first start again where the spec says retry', async () => {
    const late = sh('[ "$SUPERTREE_INCARNATION" = 3 ] && { echo up; exec sleep 300; }; exit 1');
    const agent = sleeper('a', { command: late, readiness: { type: 'log', pattern: '^up$' }, stop: SHORT_ASK });
    const w = world({ ...IMMEDIATE_RESTARTS, boot: 'retry', children: [agent] });
    await w.tree.start();
    await w.reported('ready', 'root/a');
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 3, restarts: 2 });
    w.expectTrueStates();
  });
});
