import { describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import type { Driver, ReadProcesses } from '../../src/drivers/driver.js';
import type { AgentInput } from '../../src/model/input.js';
import { createFakeDriver, createVirtualClock, type FakeScript } from '../../src/testing/index.js';

async function running(limits: NonNullable<AgentInput['limits']>, script: FakeScript = {}) {
  const clock = createVirtualClock();
  const driver = createFakeDriver(clock, script);
  const children = [{ id: 'a', command: ['a'], limits }];
  const tree = createTree({ children }, { clock, driver, samplePeriod: 1_000, random: () => 0 });
  const limited: string[] = [];
  tree.subscribe('limit', ({ resource, action }) => limited.push(`${clock.now()} ${resource} ${action}`));
  await clock.until(tree.start());
  return { clock, driver, tree, limited };
}

describe('the resources that a fake body uses', () => {
  it('are measured, cpu as the share since the last figure', async () => {
    const { clock, driver, tree } = await running({}, { 'root/a': { uses: { memory: 5_000, cpu: 20 } } });
    await using _ = tree;
    const usage = async () => (await clock.until(tree.usage())).get('root/a');
    await clock.advance(1_000);
    expect(await usage()).toEqual({ cpu: 20, memory: 5_000, measure: 'rss' });
    driver.use('root/a', { cpu: 90 });
    await clock.advance(1_000);
    expect(await usage()).toEqual({ cpu: 90, memory: 5_000, measure: 'rss' });
  });

  it('restart an agent at the next sample after its memory has passed a limit', async () => {
    const { clock, driver, tree, limited } = await running({ memory: { max: 1_000 } });
    await using _ = tree;
    await clock.advance(1_500);
    driver.use('root/a', { memory: 1_001 });
    await clock.advance(400);
    expect(tree.agent('a').view().incarnation).toBe(1);
    await clock.advance(1_000);
    expect(limited).toEqual(['2000 memory restart']);
    expect(tree.agent('a').view()).toMatchObject({ incarnation: 2, state: 'running', exit: { cause: 'memory-limit' } });
  });

  it('stop an agent whose cpu stays above its limit', async () => {
    const { clock, driver, tree, limited } = await running({ cpu: { max: 80, action: 'stop' } });
    await using _ = tree;
    driver.use('root/a', { cpu: 100 });
    await clock.advance(3_000);
    expect(limited).toEqual(['2000 cpu stop']);
    expect(tree.agent('a').view().state).toBe('stopped');
  });

  it('are absent before the start and after the end', async () => {
    const { clock, driver, tree } = await running({});
    await clock.until(tree.stop());
    expect(driver.use('root/a', { memory: 1 })).toBe(false);
    expect(await driver.readProcesses?.([100_001])).toEqual(new Map());
  });

  it('are not measured, and no timer is set, while no caller asks and no agent has a limit', async () => {
    const clock = createVirtualClock();
    const fake = createFakeDriver(clock);
    let reads = 0;
    const readProcesses: ReadProcesses = (pids) => {
      reads++;
      return fake.readProcesses!(pids);
    };
    const driver: Driver = {
      start: (order, sink) => fake.start(order, sink),
      close: () => fake.close(),
      readProcesses,
    };
    const pool = { size: 100, agent: { command: ['a'] } };
    await using tree = createTree({ children: [{ id: 'pool', pool }] }, { clock, driver, samplePeriod: 1_000 });
    await clock.until(tree.start());
    await clock.advance(60_000);
    expect([reads, clock.pending()]).toEqual([0, 0]);
    expect((await clock.until(tree.usage())).size).toBe(100);
    await clock.advance(600_000);
    expect([reads, clock.pending()]).toEqual([1, 0]);
  });
});
