import { describe, expect, it } from 'vitest';
import { type AnyActorRef, createActor, createMachine, type InspectionEvent } from 'xstate';
import { Steps } from '../../../src/actors/steps.js';
import { createSystems, SYSTEM_SIZE } from '../../../src/actors/supervisor/systems.js';
import type { World } from '../../../src/actors/world.js';
import { systemRootMachine } from '../../../src/machines/system-root.js';
import { createVirtualClock } from '../../../src/testing/index.js';
import { startWorld } from '../fake-world.js';

const waiting = createMachine({
  initial: 'off',
  states: { on: { after: { 1000: 'off' } }, off: { on: { WAIT: 'on' } } },
});

/** Systems below a first root, without a tree. */
function createForest() {
  const clock = createVirtualClock();
  const problems: string[] = [];
  const reports = { emit: (path: string) => void problems.push(path), subscribe: () => () => {} };
  const logics = { systemRoot: systemRootMachine };
  const world = { clock, steps: new Steps(clock), reports, logics, inspect: undefined } as unknown as World;
  const first = createActor(systemRootMachine, { clock }).start();
  const systems = createSystems(world, 'root', first);
  const spawn = (): AnyActorRef => {
    const ref = systems.spawn(waiting, 'x', { value: 'off', context: {} });
    ref.send({ type: 'WAIT' });
    return ref;
  };
  return { clock, problems, systems, spawn };
}

/** How many actors of these live in each system, the root of each included. */
function sizes(refs: readonly AnyActorRef[]): number[] {
  const counts = new Map<unknown, number>();
  for (const ref of refs) counts.set(ref.system, (counts.get(ref.system) ?? 1) + 1);
  return [...counts.values()];
}

describe('systems of agents', () => {
  it('have at most 250 actors each, their roots included', () => {
    const { spawn } = createForest();
    const refs = Array.from({ length: 1000 }, spawn);
    expect(sizes(refs)).toEqual([249, 249, 249, 249, 4].map((agents) => agents + 1));
    expect(SYSTEM_SIZE).toBe(250);
  });

  it('give the place of a dismissed actor to the next one', () => {
    const { spawn, systems } = createForest();
    const refs = Array.from({ length: 2 * (SYSTEM_SIZE - 1) }, spawn);
    const early = refs.slice(0, 100);
    for (const ref of early) systems.dismiss(ref);
    const again = Array.from({ length: 100 }, spawn);
    expect(sizes([...refs.slice(100), ...again])).toEqual([SYSTEM_SIZE, SYSTEM_SIZE]);
    expect(new Set(again.map((ref) => ref.system))).toEqual(new Set(early.map((ref) => ref.system)));
  });

  it('stop a dismissed actor with its timers, and no other', () => {
    const { clock, spawn, systems } = createForest();
    const [one, two] = [spawn(), spawn()];
    expect(clock.pending()).toBe(2);
    systems.dismiss(one);
    expect([clock.pending(), one.getSnapshot().status, two.getSnapshot().status]).toEqual([1, 'stopped', 'active']);
  });

  it('take a second dismissal of the same actor for nothing', () => {
    const { spawn, systems } = createForest();
    const refs = Array.from({ length: SYSTEM_SIZE - 1 }, spawn);
    for (let n = 0; n < 3; n++) systems.dismiss(refs[0] as AnyActorRef);
    const more = [spawn(), spawn()];
    expect(sizes([...refs.slice(1), ...more])).toEqual([SYSTEM_SIZE, 2]);
  });
});

describe('a supervisor with 600 agents', () => {
  it('keeps them in three systems, and all of them start and stop', async () => {
    const systems = new Map<unknown, number>();
    const inspect = (event: InspectionEvent): void => {
      if (event.type !== '@xstate.actor') return;
      const { system } = event.actorRef as AnyActorRef;
      systems.set(system, (systems.get(system) ?? 0) + 1);
    };
    const children = Array.from({ length: 600 }, (_, n) => ({ id: `a${n}`, command: ['a'] }));
    const { clock, driver, tree } = await startWorld({ children }, { inspect });
    expect(systems.size).toBe(3);
    expect(Math.max(...systems.values())).toBeLessThanOrEqual(SYSTEM_SIZE);
    expect(driver.lives()).toHaveLength(600);
    tree.stop();
    await clock.settle();
    expect([tree.status, driver.lives()]).toEqual(['stopped', []]);
  });
});
