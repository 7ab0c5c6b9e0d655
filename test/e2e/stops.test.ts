import { describe, expect, it } from 'vitest';
import type { AgentInput } from '../../src/index.js';
import { eventually, fixture, script } from '../contract/recorder.js';
import { isRunning } from './proc.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, sh, shareKeeper, sleeper, started, world } from './world.js';

shareKeeper();

const up = { readiness: { type: 'log', pattern: '^up$' }, stop: SHORT_ASK } as const;

/** A shell that ignores SIGTERM, with a child that does too. */
const STUBBORN = sh('trap "" TERM; sleep 300 & echo up; wait; sleep 300');

describe('stopping an agent', () => {
  it('repeats the stop signal, then kills an agent that ignores SIGTERM', async () => {
    const stop = { ...SHORT_ASK, ask: 600, insist: 600 };
    const w = await started({
      children: [{ id: 'a', command: fixture('ignores-term'), ...up, stop }],
    });
    await w.tree.agent('a').stop();
    expect(w.text('a')).toBe('up\nasked\nasked\n');
    expect(w.view('a').exit).toMatchObject({ signal: 'SIGKILL', code: null, commanded: true, cause: 'command' });
    expect(w.view('a').exit?.oom).toBe(false);
    w.expectTrueStates();
  });

  it('kills at once on command', async () => {
    const w = await started({ children: [{ id: 'a', command: STUBBORN, ...up, stop: { ...SHORT_ASK, ask: 60_000 } }] });
    await w.tree.agent('a').kill();
    expect(w.states('root/a')).toEqual(['spawning', 'running', 'stopping', 'stopped']);
    expect(w.members()).toEqual([]);
  });

  it('carries out a kill during a slow stop', async () => {
    const w = await started({
      children: [{ id: 'a', command: STUBBORN, ...up, stop: { ...SHORT_ASK, ask: 'infinity' } }],
    });
    const stop = w.tree.agent('a').stop();
    await w.becomes('a', 'stopping');
    w.expectTrueStates();
    await w.tree.agent('a').kill();
    await stop;
    expect(w.view('a')).toMatchObject({ state: 'stopped', pid: null });
    w.expectTrueStates();
  });

  it('waits longer for an agent that asked for more time, for as long as it asked', async () => {
    const slow = (id: string, asked: number, needed: number): AgentInput => {
      const stop = { ...SHORT_ASK, ask: 1500 };
      return { id, command: fixture('asks-for-time', asked, needed), readiness: { type: 'notify' }, stop };
    };
    const w = await started({ children: [slow('patient', 60_000, 2000), slow('late', 300, 60_000)] });
    await Promise.all([w.tree.agent('patient').stop(), w.tree.agent('late').stop()]);
    expect(w.view('patient').exit).toMatchObject({ code: 0, signal: null, commanded: true });
    expect(w.text('patient')).toBe('done\n');
    expect(w.view('late').exit).toMatchObject({ signal: 'SIGKILL' });
    w.expectTrueStates();
  });

  it('writes a line to standard input when the spec has a stop message', async () => {
    const command = sh('trap "" TERM; echo up; read line; echo "heard $line"');
    const agent = { id: 'a', command, ...up, stop: { ...SHORT_ASK, message: 'please end', ask: 20_000 } };
    const w = await started({ children: [agent] });
    await w.tree.agent('a').stop();
    expect(w.text('a')).toBe('up\nheard please end\n');
    expect(w.view('a').exit).toMatchObject({ code: 0, commanded: true });
  });

  for (const kind of ['group', 'session', 'daemon', 'bare']) {
    it(`ends a child of kind ${kind} with it, and one that a crash leaves behind`, async () => {
      const agent = { id: 'a', command: script('family', kind), stop: SHORT_ASK };
      const w = await started({ ...IMMEDIATE_RESTARTS, children: [agent] });
      await w.printed('a', 'child ');
      const first = childIn(w.text('a'));
      expect(isRunning(first)).toBe(true);
      // One without environment, session and parent in common is ours because it was seen as a child before.
      await w.tree.usage();
      process.kill(w.pid('a'), 'SIGKILL');
      await w.reported('ready', 'root/a', 2);
      expect(isRunning(first)).toBe(false);
      await eventually(() => childIn(w.text('a')) !== first, 'the next child');
      const second = childIn(w.text('a'));
      expect(isRunning(second)).toBe(true);
      await w.tree.agent('a').stop();
      expect(isRunning(second)).toBe(false);
      expect(w.view('a').exit).toMatchObject({ commanded: true, cause: 'command' });
      w.expectTrueStates();
    });
  }

  it('keeps running an agent that closed its output, and stops it', async () => {
    const w = await started({
      children: [{ id: 'a', command: sh('echo bye; exec sleep 300 >&- 2>&-'), stop: SHORT_ASK }],
    });
    await w.printed('a', 'bye');
    const pid = w.pid('a');
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 1 });
    w.expectTrueStates();
    await w.tree.agent('a').restart();
    expect(isRunning(pid)).toBe(false);
    await w.printed('a', 'bye\nbye');
  });

  it('reports an exit at once while a grandchild keeps the output open, and ends both', async () => {
    const agent = {
      id: 'a',
      command: script('family', 'holder', 'leave'),
      restart: 'temporary' as const,
      stop: SHORT_ASK,
    };
    const w = await started({ children: [agent] });
    const { exit } = await w.reported('exited', 'root/a');
    expect(exit).toMatchObject({ code: 0, signal: null, commanded: false });
    await w.reported('removed', 'root/a');
    expect(w.states('root/a')).toEqual(['spawning', 'running', 'stopping', 'completed']);
    expect(w.members()).toEqual([]);
  });

  it('answers the stop of a stopped agent, and does nothing', async () => {
    const w = await started({ children: [sleeper('a')] });
    const agent = w.tree.agent('a');
    await Promise.all([agent.stop(), agent.stop(), agent.kill(), agent.stop()]);
    await agent.stop();
    expect(w.all('exited')).toHaveLength(1);
    w.expectTrueStates();
  });
});

describe('stopping a tree', () => {
  it('stops in reverse order, each child gone before the next stop begins, nested ones too', async () => {
    const inner = { id: 'inner', children: [sleeper('b'), sleeper('c')] };
    const w = await started({ children: [sleeper('a'), inner, sleeper('d')] });
    const [one, two] = await Promise.all([w.tree.stop(), w.tree.stop()]);
    expect(one).toEqual({ reason: 'shutdown', clean: true, left: [] });
    expect(two).toBe(one);
    const steps = w.reports.filter((report) => report.type === 'state').slice(-8);
    expect(steps.map((report) => `${report.path} ${report.type === 'state' && report.state}`)).toEqual(
      ['d', 'inner/c', 'inner/b', 'a'].flatMap((id) => [`root/${id} stopping`, `root/${id} stopped`]),
    );
    expect(await w.tree.stop()).toBe(one);
    expect(w.tree.status).toBe('stopped');
    await expect(w.tree.agent('a').start()).rejects.toMatchObject({ code: 'SUPERVISOR_ENDED' });
    w.expectTrueStates();
  });

  it('kills when a brutal stop follows a slow one', async () => {
    const patience = { ...SHORT_ASK, ask: 'infinity' as const };
    const children = ['a', 'b', 'c'].map((id) => ({ id, command: STUBBORN, ...up, stop: patience }));
    const w = await started({ children: [{ id: 'inner', children }] });
    const slow = w.tree.stop();
    await w.becomes('c', 'stopping');
    expect(w.view('a').state).toBe('running');
    const end = await w.tree.stop({ brutal: true });
    expect(await slow).toBe(end);
    expect(end).toMatchObject({ clean: true, left: [] });
    expect(w.all('exited').map(({ path }) => path)).toEqual(['c', 'b', 'a'].map((id) => `root/inner/${id}`));
  });

  it('stops during the boot, and starts no further child', async () => {
    const never = sleeper('b', { readiness: { type: 'log', pattern: 'never' } });
    const w = world({ children: [sleeper('a'), never, sleeper('c')] });
    const start = w.tree.start();
    await w.reported('started', 'root/b');
    const end = w.tree.stop();
    await expect(start).rejects.toMatchObject({ code: 'SUPERSEDED' });
    expect(await end).toMatchObject({ clean: true, left: [] });
    expect(w.all('state', 'root/c')).toEqual([]);
  });

  it('stops a tree that was never started', async () => {
    const w = world({ children: [sleeper('a')] });
    expect(await w.tree.stop()).toMatchObject({ clean: true, left: [] });
    expect(w.all('started')).toEqual([]);
  });

  it('is disposed at the end of a block', async () => {
    const w = world({ children: [sleeper('a')] });
    let pid = 0;
    {
      await using tree = w.tree;
      await tree.start();
      pid = w.pid('a');
      expect(isRunning(pid)).toBe(true);
    }
    expect(isRunning(pid)).toBe(false);
    expect(w.tree.status).toBe('stopped');
  });
});

function childIn(text: string): number {
  return Number([...text.matchAll(/child (\d+)/g)].at(-1)?.[1]);
}
