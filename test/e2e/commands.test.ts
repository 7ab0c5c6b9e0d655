import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { isRunning, processFacts } from './proc.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, sh, shareKeeper, sleeper, started, world } from './world.js';

shareKeeper();

/** Two processes in two sessions. */
const PAIR = sh('setsid sleep 300 & echo up; wait');
const pair = sleeper('a', { command: PAIR, readiness: { type: 'log', pattern: 'up' } });

describe('commands', () => {
  it('collapses restarts of ten callers at once into one', async () => {
    const w = await started({ children: [pair, sleeper('b')] });
    const before = w.pid('a');
    const { uuid } = w.view('a');
    await Promise.all(Array.from({ length: 10 }, () => w.tree.agent('a').restart()));
    expect(w.view('a')).toMatchObject({ incarnation: 2, restarts: 1, state: 'running', uuid });
    expect(w.all('started', 'root/a')).toHaveLength(2);
    expect(isRunning(before)).toBe(false);
    expect(w.view('b').incarnation).toBe(1);
    w.expectTrueStates();
  });

  it('survives a storm of all commands from many callers, with a correct state in the end', async () => {
    const w = await started({ children: [pair, sleeper('b')] });
    const agent = w.tree.agent('a');
    const commands = ['restart', 'stop', 'start', 'pause', 'resume', 'kill', 'restart', 'start'] as const;
    const storm = Array.from({ length: 64 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n * 7));
      await agent[commands[n % commands.length]!]();
    });
    const answers = await Promise.allSettled(storm);
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
    expect(['INVALID_STATE', 'SUPERSEDED']).toEqual(expect.arrayContaining([...new Set(refused)]));
    await agent.start();
    if (w.view('a').state === 'paused') await agent.resume();
    expect(w.view('a').state).toBe('running');
    w.expectTrueStates();
  });

  it('clears the budget of a child that is restarted by command', async () => {
    const w = await started({ maxRestarts: 1, backoff: { initial: 1 }, children: [sleeper('a')] });
    for (let n = 1; n <= 3; n++) {
      process.kill(w.pid('a'), 'SIGKILL');
      await w.reported('ready', 'root/a', n * 2);
      expect(w.all('restarting').at(-1)).toMatchObject({ restarts: 1, left: 0 });
      await w.tree.agent('a').restart();
    }
    expect(w.tree.status).toBe('running');
  });

  it('stops an agent while its port is being leased', async () => {
    const agent = sleeper('a', { ports: ['http'] });
    const w = world({ boot: 'retry', children: [agent] });
    const stop = new Promise<void>((resolve, reject) => {
      w.tree.subscribe((report) => {
        if (report.type !== 'state' || report.state !== 'spawning' || report.incarnation !== 1) return;
        expect(w.view('a').state).toBe('spawning');
        w.tree.agent('a').stop().then(resolve, reject);
      });
    });
    await w.tree.start();
    await stop;
    expect(w.all('started')).toEqual([]);
    expect(w.view('a')).toMatchObject({ state: 'stopped', pid: null, ports: {} });
    await w.tree.agent('a').start();
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 2 });
    w.expectTrueStates();
  });

  it('carries out a stop during a start that waits for readiness', async () => {
    const w = await started({ children: [sleeper('b')] });
    const never = sleeper('a', { command: PAIR, readiness: { type: 'log', pattern: 'never' } });
    const add = w.tree.supervisor().add(never);
    await w.reported('started', 'root/a');
    const stop = w.tree.agent('a').stop();
    await expect(add).rejects.toMatchObject({ code: 'SUPERSEDED' });
    await stop;
    expect(w.view('a')).toMatchObject({ state: 'stopped' });
    expect(w.view('a').exit).toMatchObject({ commanded: true, readyAt: null });
    w.expectTrueStates();
  });

  it('gives a nested supervisor that is restarted its own children again, and forgets those added later', async () => {
    const inner = { id: 'inner', ...IMMEDIATE_RESTARTS, children: [sleeper('a')] };
    const w = await started({ ...IMMEDIATE_RESTARTS, strategy: 'one_for_all', children: [inner, sleeper('b')] });
    const { uuid } = w.view('a');
    expect(await w.tree.supervisor('root/inner').add(sleeper('late'))).toBe('root/inner/late');
    const late = w.pid('late');
    w.expectTrueStates();
    process.kill(w.pid('b'), 'SIGKILL');
    await w.reported('ready', 'root/b', 2);
    expect(isRunning(late)).toBe(false);
    expect(() => w.tree.agent('late')).toThrowError(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }));
    expect(w.tree.supervisor('root/inner').which()).toMatchObject([{ id: 'a', phase: 'up', generation: 2 }]);
    expect(w.view('a')).toMatchObject({ uuid, restarts: 1, incarnation: 2 });
    w.expectTrueStates();
  });
});

describe('pause', () => {
  it('freezes every process of the tree, and thaws them at the resume', async () => {
    const w = await started({ children: [pair] });
    const [pid, since] = [w.pid('a'), w.view('a').readyAt];
    await w.tree.agent('a').pause();
    expect(w.view('a')).toMatchObject({ state: 'paused', pauseMode: 'forced', pid });
    expect(w.members().map(({ state }) => state)).toEqual(['T', 'T']);
    w.expectTrueStates();
    await w.tree.agent('a').pause();
    await w.tree.agent('a').resume();
    await eventually(() => w.members().every(({ state }) => state === 'S'), 'both awake');
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 1, readyAt: since, pausedAt: null });
    w.expectTrueStates();
  });

  it('is refused while it stops, and does not keep it from stopping', async () => {
    const command = sh('trap "" TERM; echo up; sleep 300 & wait; sleep 300');
    const agent = sleeper('a', {
      command,
      readiness: { type: 'log', pattern: 'up' },
      stop: { ...SHORT_ASK, ask: 400 },
    });
    const w = await started({ children: [agent] });
    const stop = w.tree.agent('a').stop();
    await w.becomes('a', 'stopping');
    const refusal = { code: 'INVALID_STATE', details: { command: 'pause', agent: 'root/a', state: 'stopping' } };
    await expect(w.tree.agent('a').pause()).rejects.toMatchObject(refusal);
    await expect(w.tree.agent('a').resume()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await stop;
    await expect(w.tree.agent('a').pause()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    w.expectTrueStates();
  });

  for (const verb of ['stop', 'kill', 'restart'] as const) {
    it(`does not keep a paused agent from a ${verb}`, async () => {
      const w = await started({ children: [{ ...pair, stop: { ...SHORT_ASK, ask: 20_000 } }] });
      const pid = w.pid('a');
      await w.tree.agent('a').pause();
      await w.tree.agent('a')[verb]();
      expect(isRunning(pid)).toBe(false);
      expect(w.exits('root/a')).toMatchObject([{ commanded: true, signal: verb === 'kill' ? 'SIGKILL' : 'SIGTERM' }]);
      expect(w.view('a').state).toBe(verb === 'restart' ? 'running' : 'stopped');
      w.expectTrueStates();
    });
  }

  it('does not hide the crash of a paused agent', async () => {
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [pair] });
    const pid = w.pid('a');
    await w.tree.agent('a').pause();
    process.kill(pid, 'SIGKILL');
    await w.reported('ready', 'root/a', 2);
    expect(w.exits('root/a')).toMatchObject([{ signal: 'SIGKILL', commanded: false, cause: 'signal' }]);
    expect(w.view('a')).toMatchObject({ state: 'running', pausedAt: null, pauseMode: null });
    w.expectTrueStates();
  });

  it('asks a cooperative agent over its standard input', async () => {
    const w = await started({
      children: [{ id: 'a', command: sh('echo up; exec cat'), pause: 'cooperative', stop: SHORT_ASK }],
    });
    await w.printed('a', 'up');
    await w.tree.agent('a').pause();
    await w.printed('a', '{"type":"pause","action":"pause"}\n');
    expect(processFacts(w.pid('a'))?.state).not.toBe('T');
    expect(w.view('a')).toMatchObject({ state: 'paused', pauseMode: 'cooperative' });
    await w.tree.agent('a').resume();
    await w.printed('a', '{"type":"pause","action":"resume"}\n');
    w.expectTrueStates();
  });
});
