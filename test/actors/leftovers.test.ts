import { describe, expect, it } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import { outcome, startWorld } from './fake-world.js';

/** Of what is over, nothing may be left behind, and nothing of it may reach what came after it. */
describe('leftovers', () => {
  it('by a zombie at the stop of its tree: its driver is closed when the last one has gone', async () => {
    const children = ['a', 'b'].map((id) => ({ id, command: [id] }));
    const { clock, driver, tree } = await startWorld(
      { children },
      { script: { '*': { unkillable: true, ignoresStop: true } } },
    );
    let closed = 0;
    const close = driver.close.bind(driver);
    driver.close = () => {
      closed += 1;
      return close();
    };
    void tree.stop({ brutal: true });
    await clock.advance(60_000);
    expect(await tree.ended).toMatchObject({ clean: false, left: ['root/a', 'root/b'] });
    driver.release('root/a');
    await clock.advance(60_000);
    expect([closed, tree.agent('a').view().state]).toEqual([0, 'stopped']);
    driver.release('root/b');
    await clock.advance(60_000);
    expect([closed, tree.agent('b').view().state]).toEqual([1, 'stopped']);
  });

  it('by a supervisor that is deleted: all of its actors are stopped', async () => {
    const actors = new Set<AnyActorRef>();
    const inspect = (event: InspectionEvent): void => {
      if (event.type === '@xstate.actor') actors.add(event.actorRef as AnyActorRef);
    };
    const children = Array.from({ length: 600 }, (_, n) => ({ id: `a${n}`, command: ['a'] }));
    const { clock, tree } = await startWorld({ children: [{ id: 'n', children }] }, { inspect });
    const active = (): number => [...actors].filter((ref) => ref.getSnapshot().status === 'active').length;
    expect(active()).toBeGreaterThan(602);
    expect(await outcome(clock, tree.supervisor().terminate('n'))).not.toBe('pending');
    expect(await outcome(clock, tree.supervisor().delete('n'))).not.toBe('pending');
    expect(active()).toBe(1);
  });

  it('by an incarnation whose output was not awaited to the end: its last word is no dead letter', async () => {
    const input = { id: 'a', command: ['a'], stop: { drain: 100 } };
    const {
      clock,
      driver,
      tree,
      told: reportsOf,
    } = await startWorld({ children: [input] }, { script: { '*': { drainsIn: 60_000 } } });
    void tree.agent('a').restart();
    await clock.advance(10_000);
    expect(tree.agent('a').view()).toMatchObject({ state: 'running', incarnation: 2 });
    expect(driver.calls.map(({ call }) => call)).toContain('drain');
    expect(reportsOf('root/a')).not.toContain('dead-letter');
  });

  it('by a supervisor that restarts: an earlier planned restart is cancelled', async () => {
    const delays = { backoff: { initial: 4000, factor: 1, jitter: 0 }, maxRestarts: 5, within: 600_000 };
    const child = { id: 'a', command: ['a'] };
    const { clock, driver, tree } = await startWorld({ children: [{ id: 'n', ...delays, children: [child] }] });
    const state = () => tree.agent('root/n/a').view().state;
    driver.crash('root/n/a');
    await clock.advance(3000);
    await outcome(clock, tree.supervisor().terminate('n'));
    await outcome(clock, tree.supervisor().restart('n'));
    driver.crash('root/n/a');
    await clock.advance(1500);
    expect([state(), driver.starts('root/n/a')]).toEqual(['failed', 2]);
    await clock.advance(2499);
    expect(state()).toBe('failed');
    await clock.advance(1);
    expect([state(), driver.starts('root/n/a')]).toEqual(['running', 3]);
  });
});
