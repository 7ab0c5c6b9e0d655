import { describe, expect, it } from 'vitest';
import type { SupervisorInput } from '../../../src/model/input.js';
import { createWorld, outcome, startWorld, states } from '../fake-world.js';

const NESTED: SupervisorInput = {
  children: [
    {
      id: 's',
      maxRestarts: 0,
      children: [
        { id: 'a', command: ['a'] },
        { id: 'b', command: ['b'] },
      ],
    },
    { id: 'c', command: ['c'] },
  ],
};

/** `s` gave up because b crashed, and a cannot be ended. */
async function haunted(input: SupervisorInput = NESTED) {
  const world = await startWorld(input, { script: { 'root/s/a': { unkillable: true, ignoresStop: true } } });
  world.driver.crash('root/s/b');
  await world.clock.advance(60_000);
  return world;
}

describe('a nested supervisor that ended with a zombie', () => {
  it('is not started again while the zombie lives', async () => {
    const { clock, driver, tree } = await haunted();
    expect(states(tree)).toBe('root/s/a zombie, root/s/b failed, root/c running');
    expect(tree.supervisor().whichChild('s')).toMatchObject({ phase: 'stuck' });
    await clock.advance(600_000);
    expect([driver.starts('root/s/a'), driver.starts('root/s/b')]).toEqual([1, 1]);
    expect([tree.status, driver.violations]).toEqual(['running', []]);
  });

  it('is restarted as one that died, once the zombie is gone', async () => {
    const { clock, driver, tree } = await haunted();
    driver.release('root/s/a');
    await clock.advance(1000);
    expect(states(tree)).toBe('root/s/a running, root/s/b running, root/c running');
    expect([driver.starts('root/s/a'), driver.violations]).toEqual([2, []]);
  });

  it('refuses a restart and a deletion with the blockers', async () => {
    const { clock, tree } = await haunted();
    const root = tree.supervisor();
    const calls = [() => root.restart('s'), () => root.delete('s'), () => root.terminate('s')];
    for (const call of calls) expect(await outcome(clock, call())).toBe('ZOMBIE');
    await expect(tree.supervisor().restart('s')).rejects.toMatchObject({
      message: expect.stringMatching(/root\/s cannot be ended: pid \d+ \(D\) fake/),
    });
  });

  it('is not forgotten either where it is temporary, so the zombie keeps its place and its ports', async () => {
    const children = [
      { id: 'a', command: ['a'], ports: ['http'] },
      { id: 'b', command: ['b'] },
    ];
    const { clock, driver, ports, tree } = await haunted({
      children: [{ id: 's', restart: 'temporary', maxRestarts: 0, children }],
    });
    expect([states(tree), ports.leases().length]).toEqual(['root/s/a zombie, root/s/b failed', 1]);
    driver.release('root/s/a');
    await clock.settle();
    expect([tree.agents(), ports.leases()]).toEqual([[], []]);
  });

  it('is named when the tree stops, however deep it is', async () => {
    const deep = { id: 't', maxRestarts: 0, children: NESTED.children };
    const { clock, driver, tree } = await startWorld(
      { children: [deep] },
      { script: { 'root/t/s/a': { unkillable: true, ignoresStop: true } } },
    );
    const end = tree.stop();
    await clock.advance(60_000);
    expect(await end).toMatchObject({ clean: false, left: ['root/t/s/a'] });
    driver.release('root/t/s/a');
    await clock.settle();
    expect(tree.agents().every(({ state }) => state === 'stopped')).toBe(true);
  });

  it('fails the boot of its parent, which does not continue without it', async () => {
    const ready = { type: 'notify', timeout: 10 } as const;
    const s = { id: 's', children: [{ id: 'a', command: ['a'], readiness: ready }] };
    const script = { 'root/s/a': { readyIn: Number.POSITIVE_INFINITY, unkillable: true, ignoresStop: true } };
    const { clock, driver, tree } = createWorld({ children: [s, { id: 'c', command: ['c'] }] }, { script });
    const booted = tree.start();
    booted.catch(() => undefined);
    await clock.advance(60_000);
    expect(await outcome(clock, booted)).toBe('BOOT_FAILED');
    expect([driver.starts('root/c'), await tree.ended]).toMatchObject([0, { left: ['root/s/a'] }]);
  });
});

describe('the delays of a supervisor', () => {
  /** 1. a waits 1000 ms; s fails for b. 2. s begins anew and a waits again. 3. The first delay must not end the second one. */
  it('die with the engine that asked for them', async () => {
    const children = [
      { id: 'a', command: ['a'] },
      { id: 'b', command: ['b'] },
    ];
    const backoff = { initial: 1000, max: 1000, jitter: 0 };
    const { clock, driver } = await startWorld({
      maxRestarts: 9,
      backoff: { initial: 10, max: 10, jitter: 0 },
      children: [{ id: 's', maxRestarts: 1, backoff, children }],
    });
    driver.crash('root/s/a');
    await clock.advance(500);
    driver.crash('root/s/b');
    await clock.advance(20);
    expect(driver.starts('root/s/a')).toBe(2);
    driver.crash('root/s/a');
    await clock.advance(990);
    expect(driver.starts('root/s/a')).toBe(2);
    await clock.advance(10);
    expect(driver.starts('root/s/a')).toBe(3);
  });

  it('yield the turn also when they are 0, so that a child which fails at once does not starve others', async () => {
    const { clock, driver, tree } = createWorld(
      {
        boot: 'retry',
        maxRestarts: 100,
        backoff: { initial: 0, max: 0, jitter: 0 },
        children: [
          { id: 'a', command: ['a'] },
          { id: 'b', command: ['b'] },
        ],
      },
      { script: { 'root/a': { failsStart: 50 } } },
    );
    tree.start().catch(() => undefined);
    await clock.settle();
    expect([states(tree), driver.starts('root/a')]).toEqual(['root/a running, root/b running', 51]);
  });
});

describe('children that wait for a try', () => {
  it('are cancelled in the view when their supervisor fails', async () => {
    const { clock, driver, tree } = await startWorld({
      maxRestarts: 1,
      children: [
        { id: 'a', command: ['a'] },
        { id: 'b', command: ['b'] },
      ],
    });
    driver.crash('root/a');
    driver.crash('root/b');
    await clock.settle();
    expect(states(tree)).toBe('root/a stopped, root/b failed');
    expect(tree.agents().map(({ detail, retryIn }) => [detail, retryIn])).toEqual([
      ['stopped', null],
      ['failed.exhausted', null],
    ]);
  });

  /** 1. b ends, a goes down with it, b is told of a try. 2. a comes first, and does not start. 3. The group is given up before b's turn. */
  it('are cancelled in the view also when an earlier sibling uses up its own budget', async () => {
    const { clock, driver, tree } = await startWorld(
      {
        strategy: 'one_for_all',
        onExhausted: 'fail',
        maxRestarts: 1,
        children: [
          { id: 'a', command: ['a'] },
          { id: 'b', command: ['b'] },
        ],
      },
      { script: ({ path, incarnation }) => ({ failsStart: path === 'root/a' && incarnation > 1 ? 9 : 0 }) },
    );
    driver.crash('root/b');
    await clock.advance(10_000);
    expect(tree.agents().map(({ path, detail, retryIn }) => [path, detail, retryIn])).toEqual([
      ['root/a', 'failed.exhausted', null],
      ['root/b', 'failed.exhausted', null],
    ]);
    expect([driver.starts('root/a'), driver.starts('root/b'), tree.status]).toEqual([3, 1, 'running']);
  });
});
