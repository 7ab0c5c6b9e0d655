import { describe, expect, it } from 'vitest';
import { createTree } from '../../../src/actors/tree.js';
import type { Sink, StartOrder } from '../../../src/drivers/driver.js';
import type { AgentInput } from '../../../src/model/input.js';
import type { Report } from '../../../src/model/report.js';
import { createFakeDriver, createVirtualClock } from '../../../src/testing/index.js';
import { createWorld, outcome, startWorld, states } from '../fake-world.js';

const STAGES = { ask: 10, insist: 10, kill: 10, drain: 10 };
const WEB = { id: 'a', command: ['a'], ports: ['http'] } satisfies AgentInput;

function letters(reports: readonly Report[]): string[] {
  return reports.flatMap((report) =>
    report.type === 'dead-letter' ? `${report.path} ${report.event}#${report.incarnation}` : [],
  );
}

/** An agent whose sinks are kept, so that a driver can speak too late. */
async function recorded() {
  const clock = createVirtualClock();
  const driver = createFakeDriver(clock);
  const sinks: Sink[] = [];
  const start = (order: StartOrder, sink: Sink) => {
    sinks.push(sink);
    return driver.start(order, sink);
  };
  const tree = createTree(
    { children: [{ id: 'a', command: ['a'] }] },
    { clock, driver: { ...driver, start, close: async () => {} }, random: () => 0 },
  );
  const reports: Report[] = [];
  tree.subscribe((report) => void reports.push(report));
  const booted = tree.start();
  await clock.settle();
  await booted;
  driver.crash('root/a');
  await clock.advance(200);
  return { clock, driver, tree, sinks, reports };
}

describe('facts of an incarnation that is not the living one', () => {
  it('become dead letters, whatever they are, and change nothing', async () => {
    const { clock, driver, tree, sinks, reports } = await recorded();
    const before = tree.agent('a').view();
    const [old] = sinks as [Sink];
    const at = clock.wall();
    const exit = { code: 1, signal: null, detail: '', oom: false, empty: true, drained: true } as const;
    old.fact({ type: 'SPAWNED', incarnation: 1, pid: 4711, at });
    old.fact({ type: 'READY', incarnation: 1, at });
    old.fact({ type: 'HEALTH', incarnation: 1, health: 'unhealthy', at: 0 });
    old.fact({ type: 'EXITED', incarnation: 1, at, ...exit });
    old.fact({ type: 'GONE', incarnation: 1 });
    old.notified('HEALTH=unhealthy');
    const events = ['SPAWNED', 'READY', 'HEALTH', 'EXITED', 'GONE', 'HEALTH'];
    expect(letters(reports)).toEqual(events.map((event) => `root/a ${event}#1`));
    expect(tree.agent('a').view()).toEqual(before);
    expect(driver.lives()).toMatchObject([{ path: 'root/a', incarnation: 2, phase: 'running' }]);
  });

  it('of the living one that come twice change nothing either', async () => {
    const { clock, driver, tree, sinks } = await recorded();
    const current = sinks[1] as Sink;
    current.fact({ type: 'SPAWNED', incarnation: 2, pid: 4711, at: clock.wall() });
    current.fact({ type: 'SPAWN_FAILED', incarnation: 2, detail: 'late', at: clock.wall() });
    current.fact({ type: 'FROZEN', incarnation: 2, at: clock.wall() });
    const [life] = driver.lives();
    expect(tree.agent('a').view()).toMatchObject({ state: 'running', pid: life?.pid, incarnation: 2 });
  });
});

describe('the lease of an agent', () => {
  it('comes before its start, and ends when nothing of it is left', async () => {
    const { clock, driver, ports, tree } = createWorld(
      { children: [WEB] },
      { leases: { '*': { grantsIn: 10 } }, script: { '*': { leavesChildren: true, drainsIn: 5 } } },
    );
    const booted = tree.start();
    await clock.advance(9);
    expect([tree.agent('a').view().detail, driver.starts('root/a')]).toEqual(['spawning.leasing', 0]);
    await clock.advance(1);
    await booted;
    expect(tree.agent('a').view().ports).toEqual({ http: 8100 });
    driver.crash('root/a');
    expect([tree.agent('a').view().detail, ports.leases().length]).toEqual(['stopping.sweeping', 1]);
    await clock.advance(5);
    expect([tree.agent('a').view().state, tree.agent('a').view().ports, ports.leases()]).toEqual(['failed', {}, []]);
  });

  it('that is refused is a failed start with the reason', async () => {
    const { clock, tree } = createWorld({ children: [WEB] }, { leases: { '*': { failsLease: 1 } } });
    expect(await outcome(clock, tree.start())).toBe('BOOT_FAILED');
    expect(tree.agent('a').view().exit).toMatchObject({
      cause: 'spawn-error',
      detail: expect.stringContaining('No free port'),
    });
  });

  it('is cancelled by a stop, and its late answer starts nothing', async () => {
    const { clock, driver, ports, tree } = createWorld({ children: [WEB] }, { leases: { '*': { grantsIn: 50 } } });
    tree.start().catch(() => undefined);
    await clock.settle();
    const stopped = tree.agent('a').stop();
    expect(await outcome(clock, stopped)).not.toBe('pending');
    expect([tree.agent('a').view().state, ports.asked()]).toMatchObject(['stopped', [{ cancelled: true }]]);
    await clock.advance(100);
    expect([driver.starts('root/a'), ports.leases(), ports.asked()]).toEqual([0, [], []]);
  });

  it('is cancelled by a stop before the hook after the end runs, which may never end', async () => {
    const hooked: AgentInput = { ...WEB, stop: STAGES, hooks: { afterEnd: ['after'], timeout: 10 } };
    const { clock, ports, tree } = createWorld(
      { children: [hooked] },
      { leases: { '*': { grantsIn: 10 } }, script: { '*': { unkillable: true, ignoresStop: true } } },
    );
    tree.start().catch(() => undefined);
    await clock.settle();
    const stopped = expect(tree.agent('a').stop()).rejects.toMatchObject({ code: 'ZOMBIE' });
    await clock.advance(100);
    await stopped;
    expect([tree.agent('a').view().state, tree.agent('a').view().ports, ports.leases()]).toEqual(['zombie', {}, []]);
  });

  /** 1. Leasing. 2. Stopped, started again. 3. The first lease is answered late, whatever the answer: it is nobody's. */
  it('of an older incarnation is a dead letter, and given back', async () => {
    const { clock, driver, ports, tree, reports } = createWorld(
      { children: [WEB] },
      { leases: { '*': { grantsIn: Number.POSITIVE_INFINITY } } },
    );
    tree.start().catch(() => undefined);
    await clock.settle();
    await outcome(clock, tree.agent('a').stop());
    const again = tree.agent('a').start();
    await clock.settle();
    ports.grant('root/a');
    await clock.settle();
    expect(letters(reports)).toEqual(['root/a LEASE_FAILED#1']);
    ports.grant('root/a');
    expect(await outcome(clock, again)).toBe('done');
    expect([driver.starts('root/a'), ports.leases()]).toMatchObject([1, [{ path: 'root/a', incarnation: 2 }]]);
  });
});

describe('commands to one agent', () => {
  it.each(['start', 'stop', 'kill', 'restart'] as const)(
    'a hundred calls of %s at once end in one state',
    async (verb) => {
      const { clock, driver, tree } = await startWorld({ children: [WEB] }, { script: { '*': { stopsIn: 5 } } });
      const agent = tree.agent('a');
      const all = Promise.all(Array.from({ length: 100 }, () => agent[verb]()));
      await clock.advance(100);
      await all;
      const starts = { start: 1, stop: 1, kill: 1, restart: 2 }[verb];
      expect([states(tree), driver.starts('root/a')]).toEqual([
        `root/a ${verb === 'start' || verb === 'restart' ? 'running' : 'stopped'}`,
        starts,
      ]);
    },
  );

  it('a stop overtakes a start that waits for readiness', async () => {
    const { clock, tree } = await startWorld(
      { children: [{ ...WEB, readiness: { type: 'notify' as const } }] },
      { script: (_, attempt) => (attempt === 1 ? {} : { readyIn: 1e6 }) },
    );
    const restarted = tree.agent('a').restart();
    restarted.catch(() => undefined);
    await clock.settle();
    expect(tree.agent('a').view().state).toBe('spawning');
    expect(await outcome(clock, tree.agent('a').stop())).toBe('done');
    expect([await outcome(clock, restarted), states(tree)]).toEqual(['SUPERSEDED', 'root/a stopped']);
  });

  it('a pause that waits for its processes ends with a refusal when the agent is stopped meanwhile', async () => {
    const { clock, tree } = await startWorld({ children: [WEB] });
    const paused = tree.agent('a').pause();
    const stopped = tree.agent('a').stop();
    expect([await outcome(clock, paused), await outcome(clock, stopped)]).toEqual(['INVALID_STATE', 'done']);
  });
});
