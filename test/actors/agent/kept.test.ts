import { describe, expect, it } from 'vitest';
import type { AgentEntry } from '../../../src/actors/resume/entries.js';
import { createTree } from '../../../src/actors/tree.js';
import {
  createFakeDriver,
  createFakePorts,
  createVirtualClock,
  type FakeBehaviour,
  type FakeLease,
} from '../../../src/testing/index.js';

const ENTRY: AgentEntry = {
  uuid: '0193a0b0-0000-4000-8000-000000000001',
  createdAt: 0,
  incarnation: 3,
  starts: 3,
  state: 'running',
  detail: 'running.unknown',
  since: 0,
  readyAt: 0,
  pausedAt: null,
  pauseMode: null,
  ports: { http: 8107, former: 8108 },
  lines: { stdout: 0, stderr: 0 },
  next: { stdout: 0, stderr: 0 },
  exit: null,
  past: null,
};

/** A tree that finds incarnation 3 of its agent below the driver, as an earlier program has left it. */
async function succeed(behaviour: FakeBehaviour, lease: FakeLease) {
  const clock = createVirtualClock();
  const driver = createFakeDriver(clock, { '*': behaviour });
  driver.kept = () => (driver.starts('root/a') === 0 ? { incarnation: ENTRY.incarnation, output: [] } : undefined);
  const leases = createFakePorts(clock, { '*': lease });
  const store = { earlier: new Map([['agent root/a', ENTRY]]), set: () => {}, delete: () => {} };
  const input = { children: [{ id: 'a', command: ['a'], ports: ['http', 'later'] }] };
  const tree = createTree(input, { clock, driver, leases, store, random: () => 0 });
  const problems: string[] = [];
  tree.subscribe((report) => void (report.type === 'error' && problems.push(report.problem)));
  void tree.start();
  await clock.settle();
  const held = () => leases.leases().map(({ name, port, incarnation }) => `${name} ${port} #${incarnation}`);
  return { clock, driver, leases, tree, problems, held, view: () => tree.agent('a').view() };
}

describe('an agent that an earlier program has left running, with leased ports', () => {
  it('is adopted at once, with the ports that it has and no other, which are leased meanwhile', async () => {
    const { clock, view, held } = await succeed({}, { grantsIn: 50 });
    expect(view()).toMatchObject({ state: 'running', incarnation: 3, ports: { http: 8107 } });
    await clock.advance(50);
    expect(held()).toEqual(['http 8107 #3']);
  });

  it('is not at rest before it is gone when it is stopped meanwhile, and its ports are free then', async () => {
    const { clock, driver, tree, view, held, problems } = await succeed({ stopsIn: 5 }, { grantsIn: 50 });
    const stopped = tree.agent('a').stop();
    await clock.advance(4);
    expect([view().state, driver.lives().length]).toEqual(['stopping', 1]);
    await clock.advance(1);
    await stopped;
    await clock.advance(50);
    expect([view().state, driver.lives(), held(), problems]).toEqual(['stopped', [], [], []]);
  });

  it('runs on when its ports cannot be leased, which is reported', async () => {
    const { driver, view, problems } = await succeed({}, { failsLease: 1 });
    expect([view().state, view().incarnation, driver.starts('root/a')]).toEqual(['running', 3, 1]);
    expect(problems).toEqual([expect.stringContaining('No free port')]);
  });
});
