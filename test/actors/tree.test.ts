import { describe, expect, it } from 'vitest';
import type { CommandAgent, SupervisorInput } from '../../src/model/input.js';
import { createWorld, outcome, startWorld, states } from './fake-world.js';

const PAIR: SupervisorInput = {
  children: [
    { id: 'a', command: ['a'] },
    { id: 'b', command: ['b'] },
  ],
};

describe('starting a tree', () => {
  it('runs nothing before start()', async () => {
    const { clock, driver, tree } = createWorld(PAIR);
    await clock.advance(1e6);
    expect([tree.status, driver.calls, tree.agents()]).toEqual(['idle', [], []]);
  });

  it('joins a second start to the first one, during the boot and after it', async () => {
    const { clock, driver, tree } = createWorld(PAIR);
    const both = Promise.all([tree.start(), tree.start()]);
    await clock.settle();
    await both;
    expect(await outcome(clock, tree.start())).toBe('done');
    expect([driver.starts('root/a'), driver.starts('root/b')]).toEqual([1, 1]);
  });

  it('joins a start that a listener calls while the boot begins', async () => {
    const { clock, driver, tree } = createWorld(PAIR);
    let inner: Promise<void> | undefined;
    tree.subscribe(() => {
      inner ??= tree.start();
    });
    const first = tree.start();
    expect([await outcome(clock, first), await outcome(clock, inner as Promise<void>)]).toEqual(['done', 'done']);
    expect(driver.starts('root/a')).toBe(1);
  });

  it('starts left to right, each ready before the next', async () => {
    const ready: Partial<CommandAgent> = { readiness: { type: 'notify' } };
    const children = ['a', 'b'].map((id) => ({ id, command: [id], ...ready }));
    const { clock, driver, tree } = createWorld({ children }, { script: { '*': { readyIn: 10 } } });
    const booted = tree.start();
    await clock.advance(9);
    expect([states(tree), driver.starts('root/b')]).toEqual(['root/a spawning, root/b stopped', 0]);
    await clock.advance(11);
    expect([states(tree), await outcome(clock, booted)]).toEqual(['root/a running, root/b running', 'done']);
  });

  it('stops the started children when a child fails to start, and rejects BOOT_FAILED with its name', async () => {
    const { clock, tree } = createWorld(PAIR, { script: { 'root/b': { failsStart: 1 } } });
    const booted = tree.start();
    await expect(Promise.all([booted, clock.settle()])).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: { child: 'root/b', reason: expect.stringContaining('spawn-error') },
    });
    expect([tree.status, states(tree)]).toEqual(['failed', 'root/a stopped, root/b failed']);
    expect(await tree.ended).toMatchObject({ clean: false, left: [] });
  });

  it('is refused once the tree has ended, however it ended', async () => {
    const stopped = await startWorld(PAIR);
    stopped.tree.stop();
    await stopped.clock.settle();
    expect(await outcome(stopped.clock, stopped.tree.start())).toBe('TREE_NOT_STARTED');
    const failed = await startWorld({ ...PAIR, maxRestarts: 0 });
    failed.driver.crash('root/a');
    await failed.clock.settle();
    expect([failed.tree.status, await outcome(failed.clock, failed.tree.start())]).toEqual([
      'failed',
      'TREE_NOT_STARTED',
    ]);
    expect(failed.driver.starts('root/a')).toBe(1);
  });

  it('is refused while the tree stops', async () => {
    const { clock, tree } = await startWorld(PAIR, { script: { '*': { stopsIn: 10 } } });
    tree.stop();
    expect(await outcome(clock, tree.start())).toBe('TREE_NOT_STARTED');
  });
});

describe('stopping a tree', () => {
  it('that was never started ends the tree', async () => {
    const { clock, driver, tree } = createWorld(PAIR);
    expect(await tree.stop()).toEqual({ reason: 'shutdown', clean: true, left: [] });
    expect([tree.status, await outcome(clock, tree.start())]).toEqual(['stopped', 'TREE_NOT_STARTED']);
    expect(await tree.stop()).toEqual(await tree.ended);
    expect(driver.calls).toEqual([]);
  });

  it('asks in reverse order, each gone before the next', async () => {
    const { clock, driver, tree } = await startWorld(PAIR, { script: { '*': { stopsIn: 10 } } });
    const end = tree.stop();
    await clock.advance(9);
    expect(states(tree)).toBe('root/a running, root/b stopping');
    await clock.advance(11);
    expect(await end).toEqual({ reason: 'shutdown', clean: true, left: [] });
    expect(driver.calls.filter(({ call }) => call === 'ask').map(({ path, at }) => `${path} ${at}`)).toEqual([
      'root/b 0',
      'root/a 10',
    ]);
  });

  it('during the boot starts nothing more', async () => {
    const { clock, driver, tree } = createWorld(PAIR, { script: { 'root/a': { startsIn: 50 } } });
    const booted = outcome(clock, tree.start());
    expect(await booted).toBe('pending');
    const end = tree.stop();
    expect(await outcome(clock, tree.start())).toBe('TREE_NOT_STARTED');
    await clock.advance(100);
    expect([driver.starts('root/b'), driver.lives()]).toEqual([0, []]);
    expect(await end).toMatchObject({ clean: true });
  });

  it('rejects a pending start when the tree is stopped during the boot', async () => {
    const { clock, tree } = createWorld(PAIR, { script: { 'root/a': { startsIn: 50 } } });
    const start = tree.start();
    expect(await outcome(clock, start)).toBe('pending');
    tree.stop();
    expect(await outcome(clock, start)).toBe('SUPERSEDED');
  });

  it('joins the first call, and hurries when the second one is brutal', async () => {
    const { clock, driver, tree } = await startWorld(PAIR, { script: { '*': { ignoresStop: true } } });
    const slow = tree.stop();
    await clock.advance(10);
    const fast = tree.stop({ brutal: true });
    await clock.advance(1);
    expect(await fast).toBe(await slow);
    expect([driver.lives(), clock.now()]).toEqual([[], 11]);
  });

  it('leaves no timer behind, also where a restart was waited for', async () => {
    const { clock, driver, tree } = await startWorld(PAIR);
    driver.crash('root/a');
    await clock.settle();
    expect(tree.agent('a').view()).toMatchObject({ state: 'failed', detail: 'failed.retrying', retryIn: 100 });
    tree.stop();
    await clock.settle();
    expect(clock.pending()).toBe(0);
    expect([driver.starts('root/a'), tree.agent('a').view().retryIn]).toEqual([1, null]);
  });

  it('names the agents that it could not end, and ends again when they are gone', async () => {
    const { clock, driver, tree } = await startWorld(PAIR, {
      script: { 'root/a': { unkillable: true, ignoresStop: true } },
    });
    const end = tree.stop();
    await clock.advance(60_000);
    expect(await end).toEqual({ reason: 'shutdown', clean: false, left: ['root/a'] });
    expect(states(tree)).toBe('root/a zombie, root/b stopped');
    driver.release('root/a');
    await clock.settle();
    expect([states(tree), driver.lives(), clock.pending()]).toEqual(['root/a stopped, root/b stopped', [], 0]);
  });

  it('answers every later command with SUPERVISOR_ENDED', async () => {
    const { clock, driver, tree } = await startWorld(PAIR);
    tree.stop();
    await clock.settle();
    const agent = tree.agent('a');
    const root = tree.supervisor();
    const calls = [
      () => agent.start(),
      () => agent.stop(),
      () => agent.kill(),
      () => agent.restart(),
      () => root.add({ id: 'c', command: ['c'] }),
      () => root.terminate('a'),
      () => root.restart('a'),
      () => root.delete('a'),
    ];
    for (const call of calls) expect(await outcome(clock, call())).toBe('SUPERVISOR_ENDED');
    expect(await outcome(clock, agent.pause())).toBe('INVALID_STATE');
    expect(await outcome(clock, agent.write('x'))).toBe('INVALID_STATE');
    expect(driver.calls.filter(({ call }) => call === 'start')).toHaveLength(2);
  });
});

describe('the reports of a tree', () => {
  it('come in order: created, started, ready, exited, and again with the next incarnation', async () => {
    const {
      clock,
      driver,
      told: reportsOf,
    } = await startWorld({ children: [{ id: 'a', command: ['a'], restart: 'transient' }] });
    driver.crash('root/a', { code: 1 });
    await clock.advance(200);
    driver.crash('root/a', { code: 0 });
    await clock.settle();
    const life = ['spawning', 'started', 'running', 'ready'];
    expect(reportsOf('root/a')).toEqual(
      ['created', ...life, 'exited', 'failed', 'restarting', ...life, 'exited', 'completed'].flat(),
    );
  });

  it('end with removed, when an agent is forgotten', async () => {
    const {
      clock,
      driver,
      told: reportsOf,
    } = await startWorld({ children: [{ id: 'a', command: ['a'], restart: 'temporary' }] });
    driver.crash('root/a');
    await clock.settle();
    expect(reportsOf('root/a').slice(-3)).toEqual(['exited', 'failed', 'removed']);
  });

  it('come from the supervisor before their consequences', async () => {
    const { clock, tree, reports } = await startWorld({ children: [{ id: 'a', command: ['a'] }] });
    tree.stop();
    await clock.settle();
    const words = reports.filter(({ type }) => type === 'supervisor' || type === 'state');
    expect(words.map((report) => ('status' in report ? report.status : 'state' in report ? report.state : ''))).toEqual(
      ['booting', 'spawning', 'running', 'running', 'stopping', 'stopping', 'stopped', 'stopped'],
    );
  });
});
