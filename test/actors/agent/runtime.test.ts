import { describe, expect, it } from 'vitest';
import type { AgentInput, CommandAgent } from '../../../src/model/input.js';
import { createWorld, outcome, startWorld } from '../fake-world.js';

const limited = (more: Partial<CommandAgent> = {}): AgentInput => ({
  id: 'a',
  command: ['program'],
  maxRuntime: 10_000,
  ...more,
});

describe('an agent with a maxRuntime', () => {
  it('is stopped when it is over, with that cause, and not started again, though it is permanent', async () => {
    const { clock, tree } = await startWorld({ children: [limited()] });
    await clock.advance(9_999);
    expect(tree.agent('a').view().state).toBe('running');
    await clock.advance(120_000);
    const { state, exit, incarnation } = tree.agent('a').view();
    expect([state, incarnation]).toEqual(['stopped', 1]);
    expect(exit).toMatchObject({
      cause: 'timeout',
      commanded: true,
      detail: 'it exceeded its maxRuntime of 10000 ms',
    });
    expect(tree.status).toBe('running');
  });

  it('has the whole time again after a start by command', async () => {
    const { clock, tree } = await startWorld({ children: [limited()] });
    await clock.advance(11_000);
    const again = tree.agent('a').start();
    await clock.settle();
    await again;
    await clock.advance(9_000);
    expect(tree.agent('a').view()).toMatchObject({ state: 'running', incarnation: 2 });
    await clock.advance(2_000);
    expect(tree.agent('a').view()).toMatchObject({ state: 'stopped', exit: { cause: 'timeout', incarnation: 2 } });
  });

  it('is not charged for the time in which it is paused', async () => {
    const { clock, tree } = await startWorld({ children: [limited({ pause: 'cooperative' })] });
    await clock.advance(6_000);
    const paused = tree.agent('a').pause();
    await clock.settle();
    await paused;
    await clock.advance(3_600_000);
    expect(tree.agent('a').view().state).toBe('paused');
    const resumed = tree.agent('a').resume();
    await clock.settle();
    await resumed;
    await clock.advance(3_999);
    expect(tree.agent('a').view().state).toBe('running');
    await clock.advance(2);
    expect(tree.agent('a').view()).toMatchObject({ state: 'stopped', exit: { cause: 'timeout' } });
  });

  it('counts from its launch: one that never becomes ready is stopped as well, and its start is refused', async () => {
    const readiness = { type: 'notify', timeout: 60_000 } as const;
    const { clock, tree } = createWorld(
      { boot: 'retry', children: [limited({ readiness })] },
      { script: { '*': { readyIn: Number.POSITIVE_INFINITY } } },
    );
    const booted = outcome(clock, tree.start());
    await clock.advance(12_000);
    expect(tree.agent('a').view()).toMatchObject({ state: 'stopped', exit: { cause: 'timeout', readyAt: null } });
    await booted;
  });

  it('that ends before it is over leaves no timer behind', async () => {
    const { clock, tree } = await startWorld({ children: [limited({ restart: 'temporary' })] });
    const stopped = tree.stop();
    await clock.advance(1_000);
    await stopped;
    expect(clock.pending()).toBe(0);
  });

  it('whose stop is refused is reported', async () => {
    const script = { '*': { unkillable: true, ignoresStop: true } };
    const { clock, tree, reports } = await startWorld({ children: [limited()] }, { script });
    await clock.advance(120_000);
    expect(tree.agent('a').view().state).toBe('zombie');
    expect(reports.filter(({ type }) => type === 'error')).toMatchObject([{ path: 'root/a' }]);
  });

  it('that is over while its supervisor stops changes nothing', async () => {
    const stop = { ask: 60_000 };
    const children = [limited(), { id: 'b', command: ['b'], stop }];
    const { clock, tree } = await startWorld({ children }, { script: { 'root/b': { ignoresStop: true } } });
    const stopped = tree.stop();
    await clock.advance(120_000);
    expect(await stopped).toMatchObject({ clean: true, left: [] });
  });

  it('ended by a command has that cause', async () => {
    const { clock, tree } = await startWorld({ children: [limited()] });
    const stopped = tree.agent('a').stop();
    await clock.advance(60_000);
    await stopped;
    expect(tree.agent('a').view().exit).toMatchObject({ cause: 'command' });
  });
});
