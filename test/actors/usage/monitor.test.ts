import { describe, expect, it } from 'vitest';
import { createMonitor, type MonitorOptions, type OnLimit } from '../../../src/actors/usage/monitor.js';
import type { ProcessTimes } from '../../../src/drivers/driver.js';
import type { LimitAction, Limits } from '../../../src/model/spec.js';
import { createVirtualClock } from '../../../src/testing/index.js';

/** A monitor of made-up processes: `table` says what is read, `trees` who belongs to whom. */
function setUp(options: Partial<MonitorOptions> = {}) {
  const clock = createVirtualClock();
  const table = new Map<number, ProcessTimes>();
  const trees = new Map<string, number[]>();
  const reads: number[][] = [];
  const problems: unknown[] = [];
  const monitor = createMonitor({
    clock,
    membersOf: (path) => trees.get(path) ?? [],
    onProblem: (problem) => problems.push(problem),
    read: async (pids) => {
      reads.push([...pids]);
      return new Map(pids.flatMap((pid) => (table.has(pid) ? [[pid, table.get(pid)!]] : [])));
    },
    ...options,
  });
  return { clock, table, trees, reads, problems, monitor };
}

function memoryLimit(max: number, action: LimitAction): Limits {
  return { memory: { max, action }, cpu: null };
}

describe('monitor, asked for a sample', () => {
  it('adds up whole trees in one read, each process once', async () => {
    const { monitor, table, trees, reads } = setUp();
    trees.set('root/a', [1, 2]).set('root/b', [3]);
    table.set(1, { ctime: 100, elapsed: 1_000, memory: 10 });
    table.set(2, { ctime: 500, elapsed: 1_000, memory: 20 });
    table.set(3, { ctime: 0, elapsed: 5, memory: 30 });
    const usages = await monitor.sample(['root/a', 'root/b', 'root/a']);
    expect(usages).toEqual(
      new Map([
        ['root/a', { cpu: 60, memory: 30, measure: 'rss' }],
        ['root/b', { cpu: 0, memory: 30, measure: 'rss' }],
      ]),
    );
    expect(reads).toEqual([[1, 2, 3]]);
  });

  it('leaves out agents without processes and reads nothing for an empty batch', async () => {
    const { monitor, reads } = setUp();
    expect(await monitor.sample([])).toEqual(new Map());
    expect(await monitor.sample(['root/a'])).toEqual(new Map());
    expect(reads).toEqual([]);
  });

  it('gives the average since the start first, then the share since the last figure', async () => {
    const { monitor, table, trees } = setUp();
    trees.set('a', [1]);
    const cpu = async (ctime: number, elapsed: number) => {
      table.set(1, { ctime, elapsed, memory: 1 });
      return (await monitor.sample(['a'])).get('a')?.cpu;
    };
    expect(await cpu(500, 1_000)).toBe(50);
    expect(await cpu(1_500, 2_000)).toBe(100);
    expect(await cpu(1_510, 2_010)).toBe(100);
    expect(await cpu(1_510, 3_000)).toBe(1);
  });

  it('does not take another process with the same pid for the old one', async () => {
    const { monitor, table, trees } = setUp();
    trees.set('a', [1]);
    table.set(1, { ctime: 9_000, elapsed: 10_000, memory: 1 });
    await monitor.sample(['a']);
    table.set(1, { ctime: 100, elapsed: 1_000, memory: 1 });
    expect((await monitor.sample(['a'])).get('a')?.cpu).toBe(10);
  });

  it('counts the rest when a member vanishes, and reads its pid again after a while', async () => {
    const { clock, monitor, table, trees, reads } = setUp();
    trees.set('a', [1, 2]);
    table.set(1, { ctime: 0, elapsed: 1_000, memory: 10 });
    expect((await monitor.sample(['a'])).get('a')?.memory).toBe(10);
    table.set(2, { ctime: 0, elapsed: 1_000, memory: 20 });
    expect((await monitor.sample(['a'])).get('a')?.memory).toBe(10);
    await clock.advance(6_000);
    expect((await monitor.sample(['a'])).get('a')?.memory).toBe(30);
    expect(reads).toEqual([[1, 2], [1], [1, 2]]);
  });

  it('shares one read among the calls of one turn, and the next one among those that come meanwhile', async () => {
    const releases: (() => void)[] = [];
    const reads: number[][] = [];
    const read = async (pids: readonly number[]) => {
      reads.push([...pids]);
      await new Promise<void>((resolve) => releases.push(resolve));
      return new Map(pids.map((pid) => [pid, { ctime: 0, elapsed: 1, memory: pid }]));
    };
    const { clock, monitor, trees } = setUp({ read });
    trees.set('a', [1]).set('b', [2]).set('c', [3]);
    const first = [monitor.sample(['a']), monitor.sample(['b'])];
    await clock.settle();
    const second = [monitor.sample(['b']), monitor.sample(['c'])];
    await clock.settle();
    expect(reads).toEqual([[1, 2]]);
    releases.shift()?.();
    await clock.settle();
    expect(reads).toEqual([
      [1, 2],
      [2, 3],
    ]);
    releases.shift()?.();
    const answers = await Promise.all([...first, ...second]);
    expect(answers.map((usages) => [...usages.keys()])).toEqual([['a'], ['b'], ['b'], ['c']]);
  });

  it('rejects when nothing can be read, and works again afterwards', async () => {
    let broken = true;
    const read = async () => {
      if (broken) throw new Error('no /proc');
      return new Map([[1, { ctime: 0, elapsed: 1, memory: 5 }]]);
    };
    const { monitor, trees } = setUp({ read });
    trees.set('a', [1]);
    await expect(monitor.sample(['a'])).rejects.toThrow('no /proc');
    broken = false;
    expect((await monitor.sample(['a'])).get('a')?.memory).toBe(5);
  });
});

describe('monitor, watching limits', () => {
  it('sets one timer for all watched agents, and none without any', async () => {
    const { clock, monitor, table, trees, reads } = setUp();
    const none: OnLimit = () => expect.unreachable();
    expect(clock.pending()).toBe(0);
    monitor.watch('free', { memory: null, cpu: null }, none);
    expect(clock.pending()).toBe(0);
    for (const [index, path] of ['a', 'b', 'c'].entries()) {
      trees.set(path, [index]);
      table.set(index, { ctime: 0, elapsed: 1, memory: 1 });
      monitor.watch(path, memoryLimit(10, 'report'), none);
    }
    expect(clock.pending()).toBe(1);
    await clock.advance(4_000);
    expect(reads).toEqual([
      [0, 1, 2],
      [0, 1, 2],
    ]);
    for (const path of ['a', 'b', 'c', 'c']) monitor.unwatch(path);
    expect(clock.pending()).toBe(0);
  });

  /** Watches one agent whose memory takes these values, one a period, and gives the calls of onLimit. */
  async function passings(action: LimitAction, memories: readonly number[]) {
    const { clock, monitor, table, trees } = setUp({ period: 1_000 });
    const calls: unknown[][] = [];
    trees.set('a', [1]);
    monitor.watch('a', memoryLimit(100, action), (path, excess) => calls.push([clock.now(), path, excess]));
    for (const [index, memory] of memories.entries()) {
      table.set(1, { ctime: 0, elapsed: index * 1_000, memory });
      await clock.advance(1_000);
    }
    monitor.close();
    return calls;
  }

  it('reports once each time a limit is passed', async () => {
    expect(await passings('report', [100, 101, 150, 100, 120, 130])).toEqual([
      [2_000, 'a', { resource: 'memory', value: 101, max: 100, measure: 'rss', action: 'report' }],
      [5_000, 'a', { resource: 'memory', value: 120, max: 100, measure: 'rss', action: 'report' }],
    ]);
  });

  it('asks for a restart or a stop once, however often the limit is passed', async () => {
    for (const action of ['restart', 'stop'] as const) {
      expect(await passings(action, [50, 101, 150, 100, 120])).toEqual([
        [2_000, 'a', { resource: 'memory', value: 101, max: 100, measure: 'rss', action }],
      ]);
    }
  });

  it('judges the next incarnation from its start', async () => {
    const { clock, monitor, table, trees } = setUp();
    let calls = 0;
    trees.set('a', [1]);
    table.set(1, { ctime: 0, elapsed: 1, memory: 500 });
    for (const incarnation of [1, 2]) {
      monitor.watch('a', memoryLimit(100, 'restart'), () => calls++);
      await clock.advance(4_000);
      expect(calls).toBe(incarnation);
      monitor.unwatch('a');
    }
  });

  it('does not hold the work of starting against an agent', async () => {
    const { clock, monitor, table, trees } = setUp();
    const values: number[] = [];
    trees.set('a', [1]);
    monitor.watch('a', { memory: null, cpu: { max: 80, action: 'report' } }, (_, { value }) => values.push(value));
    table.set(1, { ctime: 2_000, elapsed: 2_000, memory: 1 });
    await clock.advance(2_000);
    table.set(1, { ctime: 2_100, elapsed: 4_000, memory: 1 });
    await clock.advance(2_000);
    expect(values).toEqual([]);
    table.set(1, { ctime: 3_900, elapsed: 6_000, memory: 1 });
    await clock.advance(2_000);
    expect(values).toEqual([90]);
  });

  it('calls no listener after unwatch, even for a sample that was under way', async () => {
    let release = (): void => {};
    const read = async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return new Map([[1, { ctime: 0, elapsed: 1, memory: 500 }]]);
    };
    const { clock, monitor, trees } = setUp({ read });
    let old = 0;
    let renewed = 0;
    trees.set('a', [1]);
    monitor.watch('a', memoryLimit(100, 'restart'), () => old++);
    await clock.advance(2_000);
    monitor.unwatch('a');
    monitor.watch('a', memoryLimit(100, 'restart'), () => renewed++);
    expect(clock.pending()).toBe(0);
    release();
    await clock.settle();
    expect([old, renewed, clock.pending()]).toEqual([0, 0, 1]);
    await clock.advance(2_000);
    release();
    await clock.settle();
    expect([old, renewed]).toEqual([0, 1]);
    monitor.close();
  });

  it('continues after a failed sample and after a listener that throws, and reports both', async () => {
    let broken = true;
    const read = async () => {
      if (broken) throw new Error('no /proc');
      return new Map([[1, { ctime: 0, elapsed: 1, memory: 500 }]]);
    };
    const { clock, monitor, trees, problems } = setUp({ read });
    trees.set('a', [1]);
    monitor.watch('a', memoryLimit(100, 'report'), () => {
      throw new Error('listener');
    });
    await clock.advance(2_000);
    broken = false;
    await clock.advance(2_000);
    expect(problems.map(String)).toEqual(['Error: no /proc', 'Error: listener']);
    expect(clock.pending()).toBe(1);
    monitor.close();
    expect(clock.pending()).toBe(0);
  });
});
