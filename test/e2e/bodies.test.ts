import { describe, expect, it } from 'vitest';
import { fromCallback, fromPromise } from 'xstate';
import type { Report } from '../../src/index.js';
import { eventually, fixture } from '../contract/recorder.js';
import { isRunning } from './proc.js';
import { IMMEDIATE_RESTARTS, SHORT_ASK, shareKeeper, sleeper, started } from './world.js';

shareKeeper();

const HASTY = { ...SHORT_ASK, kill: 100 } as const;

describe('bodies in this process, beside real ones', () => {
  it('restarts a task that throws, and keeps the stack of the error', async () => {
    const task = async ({ incarnation }: { incarnation: number }): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (incarnation < 3) throw new Error(`broke ${incarnation}`);
      await new Promise(() => {});
    };
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [{ id: 'a', task, stop: HASTY }, sleeper('b')] });
    await w.reported('ready', 'root/a', 3);
    expect(w.exits('root/a')).toMatchObject([
      { code: 1, pid: null, cause: 'exit', detail: 'broke 1' },
      { code: 1, pid: null, cause: 'exit', detail: 'broke 2' },
    ]);
    expect(w.exits('root/a')[0]?.tail[0]).toContain('Error: broke 1');
    expect(w.view('b').incarnation).toBe(1);
    w.left = ['root/a'];
  });

  it('calls a task that does not end a zombie, and recovers when it ends at last', async () => {
    let release = (): void => {};
    const deaf = (): Promise<void> =>
      new Promise((resolve) => {
        release = resolve;
      });
    const w = await started({ children: [sleeper('b'), { id: 'a', task: deaf, stop: HASTY }] });
    await expect(w.tree.agent('a').stop()).rejects.toMatchObject({ code: 'ZOMBIE' });
    expect(w.view('a').blockers).toEqual([{ pid: 0, state: '-', command: 'task still running' }]);
    await expect(w.tree.agent('a').start()).rejects.toMatchObject({ code: 'ZOMBIE' });
    const end = await w.tree.stop();
    expect(end).toEqual({ reason: 'shutdown', clean: false, left: ['root/a'] });
    w.left = end.left;
    expect(w.view('b').state).toBe('stopped');
    release();
    await w.becomes('a', 'stopped');
    w.expectTrueStates();
  });

  it('is stopped by its signal, with the time of its stop stages', async () => {
    const polite = ({ signal, log }: { signal: AbortSignal; log: (line: string) => void }): Promise<void> =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          log('cleaning');
          setTimeout(resolve, 50);
        });
      });
    const w = await started({ children: [{ id: 'a', task: polite, stop: SHORT_ASK }] });
    await w.tree.agent('a').stop();
    expect(w.text('a')).toBe('cleaning\n');
    expect(w.view('a').exit).toMatchObject({ code: 0, commanded: true });
    await expect(w.tree.agent('a').pause('forced')).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await w.tree.agent('a').start();
    await expect(w.tree.agent('a').pause('forced')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    await expect(w.tree.agent('a').signal('TERM')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('restarts a logic that throws, wherever it throws', async () => {
    let calls = 0;
    const later = fromPromise(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      calls += 1;
      if (calls < 3) throw new Error('later');
      await new Promise(() => {});
    });
    const atOnce = fromCallback(() => {
      calls += 1;
      if (calls < 6) throw new Error('at once');
    });
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [{ id: 'later', logic: later }, sleeper('b')] });
    await w.reported('ready', 'root/later', 3);
    expect(w.exits('root/later')).toMatchObject([{ detail: 'later' }, { detail: 'later' }]);
    await w.tree
      .supervisor()
      .add({ id: 'once', logic: atOnce })
      .catch(() => undefined);
    await w.reported('ready', 'root/once', 3);
    expect(w.view('b').incarnation).toBe(1);
    expect(w.tree.status).toBe('running');
  });
});

describe('user code that throws', () => {
  it('does not harm a tree as its listener or inspector', async () => {
    const bomb = (): never => {
      throw new Error('observer broke');
    };
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [sleeper('a'), sleeper('b')] }, { inspect: bomb });
    w.expected = /observer broke/;
    const reports: Report[] = [];
    w.tree.subscribe(bomb);
    w.tree.subscribe((report) => reports.push(report));
    process.kill(w.pid('a'), 'SIGKILL');
    await w.reported('ready', 'root/a', 2);
    await w.tree.agent('b').restart();
    expect(w.view('b')).toMatchObject({ incarnation: 2, state: 'running' });
    const complaints = reports.filter((report) => report.type === 'error');
    expect(complaints.length).toBeGreaterThan(0);
    expect(reports.filter((report) => report.type !== 'error').length).toBeGreaterThan(8);
    w.expectTrueStates();
  });

  it('may command the tree from inside a report', async () => {
    const w = await started({ ...IMMEDIATE_RESTARTS, children: [sleeper('a'), sleeper('b')] });
    const done: Promise<unknown>[] = [];
    const end = w.tree.subscribe((report) => {
      if (report.type === 'exited' && report.path === 'root/a') done.push(w.tree.agent('b').restart());
      if (report.type === 'ready' && report.path === 'root/b') done.push(w.tree.agent('b').pause());
    });
    process.kill(w.pid('a'), 'SIGKILL');
    await w.reported('ready', 'root/b', 2);
    await w.reported('ready', 'root/a', 2);
    end();
    await Promise.all(done);
    expect(w.view('b')).toMatchObject({ incarnation: 2, state: 'paused' });
    expect(w.view('a').incarnation).toBe(2);
    w.expectTrueStates();
  });
});

describe('limits', () => {
  const hungry = (action: 'restart' | 'stop' | 'report') => {
    const limits = { memory: { max: 100 * 1_048_576, action } };
    return { id: 'a', command: fixture('eats-memory', 100), limits, stop: SHORT_ASK };
  };

  for (const action of ['restart', 'stop', 'report'] as const) {
    it(`answers too much memory with ${action}`, async () => {
      const w = await started({ ...IMMEDIATE_RESTARTS, children: [hungry(action)] }, { samplePeriod: 50 });
      await w.printed('a', 'up');
      const pid = w.pid('a');
      await w.tree.agent('a').write('eat\n');
      const limit = await w.reported('limit', 'root/a');
      expect(limit).toMatchObject({ resource: 'memory', max: 104_857_600, action });
      expect(limit.value).toBeGreaterThan(limit.max);
      if (action === 'restart') await w.reported('ready', 'root/a', 2);
      if (action === 'stop') await w.becomes('a', 'stopped');
      if (action === 'report') await w.printed('a', 'full');
      expect(w.view('a')).toMatchObject({ incarnation: action === 'restart' ? 2 : 1 });
      await eventually(() => isRunning(pid) === (action === 'report'), 'the consequence');
      const cause = { restart: 'memory-limit', stop: 'memory-limit', report: undefined }[action];
      expect(w.view('a').exit?.cause).toBe(cause);
      w.expectTrueStates();
    });
  }
});
