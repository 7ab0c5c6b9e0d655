import { describe, expect, it } from 'vitest';
import { createMonitor, type Excess } from '../../../src/actors/usage/monitor.js';
import type { Limits } from '../../../src/model/spec.js';
import { createVirtualClock } from '../../../src/testing/index.js';

/** A monitor of two processes of 100 bytes each, of which `pss` says what they share. */
function setUp(pss: Readonly<Record<number, number>>) {
  const clock = createVirtualClock();
  const reads: number[][] = [];
  const monitor = createMonitor({
    clock,
    membersOf: () => [1, 2],
    onProblem: (problem) => expect.unreachable(String(problem)),
    read: async (pids) => new Map(pids.map((pid) => [pid, { ctime: 0, elapsed: clock.now() + 1, memory: 100 }])),
    readPss: async (pids) => {
      reads.push([...pids]);
      return new Map(pids.flatMap((pid) => (pid in pss ? [[pid, pss[pid]!]] : [])));
    },
  });
  return { clock, monitor, reads };
}

/** What a memory limit of so many bytes finds in the first three samples, and the reads of PSS. */
async function exceeded(pss: Readonly<Record<number, number>>, limits: Partial<Limits>) {
  const { clock, monitor, reads } = setUp(pss);
  const found: Excess[] = [];
  monitor.watch('a', { memory: null, cpu: null, ...limits }, (_, excess) => found.push(excess));
  await clock.advance(6_000);
  monitor.close();
  return { found, reads: reads.length };
}

describe('memory of a process tree', () => {
  it('is the sum of PSS', async () => {
    const { monitor } = setUp({ 1: 60, 2: 50 });
    expect((await monitor.sample(['a'])).get('a')).toMatchObject({ memory: 110, measure: 'pss' });
  });

  it('counts the RSS of a process whose PSS cannot be read, and is called RSS then', async () => {
    const { monitor } = setUp({ 1: 60 });
    expect((await monitor.sample(['a'])).get('a')).toMatchObject({ memory: 160, measure: 'rss' });
  });

  it('is not more than a limit that its RSS is not above: PSS is not read', async () => {
    const memory = { max: 200, action: 'report' } as const;
    expect(await exceeded({ 1: 60, 2: 50 }, { memory })).toEqual({ found: [], reads: 0 });
  });

  it('is compared with a limit as PSS when its RSS is above', async () => {
    const memory = { max: 150, action: 'report' } as const;
    expect(await exceeded({ 1: 60, 2: 50 }, { memory })).toEqual({ found: [], reads: 3 });
  });

  it('is called what it was measured as when it exceeds a limit', async () => {
    const memory = { max: 105, action: 'report' } as const;
    const excess = { resource: 'memory', max: 105, action: 'report' };
    const asPss = await exceeded({ 1: 60, 2: 50 }, { memory });
    expect(asPss.found).toEqual([{ ...excess, value: 110, measure: 'pss' }]);
    const asRss = await exceeded({ 2: 50 }, { memory });
    expect(asRss.found).toEqual([{ ...excess, value: 150, measure: 'rss' }]);
  });

  it('is not read as PSS for a cpu limit', async () => {
    const cpu = { max: 50, action: 'report' } as const;
    expect(await exceeded({ 1: 60, 2: 50 }, { cpu })).toEqual({ found: [], reads: 0 });
  });

  it('is read as PSS for a caller who shares the sample of a limit', async () => {
    const { clock, monitor } = setUp({ 1: 60, 2: 50 });
    monitor.watch('a', { memory: { max: 1_000, action: 'report' }, cpu: null }, () => expect.unreachable());
    const [first, second] = [monitor.sample(['b']), clock.advance(2_000).then(() => monitor.sample(['a']))];
    await first;
    expect((await second).get('a')).toMatchObject({ memory: 110, measure: 'pss' });
    monitor.close();
  });
});
