import { describe, expect, it } from 'vitest';
import type { AnyActorRef, InspectionEvent } from 'xstate';
import type { NodeInput } from '../../src/model/input.js';
import { startWorld } from './fake-world.js';

interface Cost {
  readonly events: number;
  /** Characters of all snapshots and events as JSON. */
  readonly size: number;
}

/** What an inspector is told of one crash and the restart after it. */
async function costOfRestart(children: readonly NodeInput[], path: string): Promise<Cost> {
  let cost: Cost = { events: 0, size: 0 };
  const inspect = (event: InspectionEvent): void => {
    const shown = {
      type: event.type,
      ...('event' in event && { event: event.event }),
      ...('snapshot' in event && { snapshot: event.snapshot }),
    };
    cost = { events: cost.events + 1, size: cost.size + JSON.stringify(shown).length };
  };
  const { clock, driver, tree } = await startWorld({ children }, { inspect });
  cost = { events: 0, size: 0 };
  driver.crash(path);
  await clock.advance(1000);
  expect(tree.agent(path).view()).toMatchObject({ state: 'running', incarnation: 2 });
  return cost;
}

function agents(count: number): NodeInput[] {
  return Array.from({ length: count }, (_, n) => ({ id: `a${String(n).padStart(4, '0')}`, command: ['a'] }));
}

function pool(size: number): NodeInput[] {
  return [{ id: 'p', pool: { size, agent: { command: ['p'] } } }];
}

describe('inspection', () => {
  it('of one restart costs the same with 1,000 children as with 10', async () => {
    const few = await costOfRestart(agents(10), 'root/a0003');
    const many = await costOfRestart(agents(1000), 'root/a0003');
    expect(many).toEqual(few);
    expect(few.events).toBeGreaterThan(10);
  });

  it('of one restart costs the same in a pool of 1,000 as in one of 10', async () => {
    expect(await costOfRestart(pool(1000), 'root/p/3')).toEqual(await costOfRestart(pool(10), 'root/p/3'));
  });

  it('sees every actor: the supervisors and the agents', async () => {
    const seen: string[] = [];
    const inspect = (event: InspectionEvent): void => {
      if (event.type === '@xstate.actor') seen.push((event.actorRef as AnyActorRef).id);
    };
    await startWorld({ children: [...agents(1), { id: 's', children: agents(1) }] }, { inspect });
    expect(seen.sort()).toEqual(['a0000', 'a0000', 'root', 'root/s']);
  });
});
