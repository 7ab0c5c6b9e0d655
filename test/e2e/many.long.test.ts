import { describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { IMMEDIATE_RESTARTS, LONG_STAGES, sleeper, started } from './world.js';

const COUNT = 300;

describe('three hundred agents at once', { timeout: 300_000 }, () => {
  it('start in a pool with the right ids, restart after the end of all, and stop together', async () => {
    const agent = { command: ['sleep', '300'], stop: LONG_STAGES };
    const w = await started({ children: [{ id: 'pool', ...IMMEDIATE_RESTARTS, pool: { size: COUNT, agent } }] });
    expect(w.members()).toHaveLength(COUNT);
    const pids = w.tree.agents().map(({ pid }) => pid!);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await w.reported('ready', undefined, COUNT * 2);
    w.expectTrueStates();
    expect(w.members()).toHaveLength(COUNT);
    expect(w.tree.agents().every(({ restarts, pid }) => restarts === 1 && !pids.includes(pid!))).toBe(true);
    expect(w.tree.supervisor('root/pool').count()).toMatchObject({ active: COUNT, workers: COUNT });
    const { clean } = await w.tree.stop();
    expect(clean).toBe(true);
    w.expectTrueStates();
  });

  it('start one after the other and stop in reverse under one supervisor', async () => {
    const children = Array.from({ length: COUNT }, (_, n) => sleeper(`a${n}`));
    const w = await started({ children });
    expect(w.members()).toHaveLength(COUNT);
    const ids = children.map(({ id }) => `root/${id}`);
    expect(w.all('ready').map(({ path }) => path)).toEqual(ids);
    await w.tree.stop();
    expect(w.all('exited').map(({ path }) => path)).toEqual(ids.toReversed());
    expect(w.all('exited').every(({ exit }) => exit.signal === 'SIGTERM' && exit.cause === 'shutdown')).toBe(true);
    await eventually(() => w.tree.status === 'stopped', 'the end');
  });
});
