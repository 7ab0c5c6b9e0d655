import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../src/protocol/codec.js';
import { SEED } from '../fast-check.js';
import { UUID } from '../protocol/vector.js';
import { assault } from '../soak/assault.js';
import { type Battlefield, createBattlefield } from '../soak/battlefield.js';
import { chance, frames } from '../soak/frames.js';
import { ask } from './rig.js';

const COUNT = 10_000;

let field: Battlefield;

beforeAll(async () => {
  field = await createBattlefield();
});

afterAll(() => field.close());

describe('ten thousand hostile frames', () => {
  it('are the same ones for the same seed', () => {
    const all = (seed: number) => [...frames(50, seed, UUID)].map((frame) => Buffer.from(frame).toString('hex'));
    expect(all(7)).toEqual(all(7));
    expect(all(7)).not.toEqual(all(8));
    expect(chance(1)()).not.toBe(chance(2)());
  });

  it('are answered one by one, and the same server goes on to serve a normal client', async () => {
    const { uuid } = field.tree.agent('web');
    const toll = await assault(field.endpoint, frames(COUNT, SEED, uuid));
    expect(toll.faults, `seed ${SEED}`).toEqual([]);
    expect(toll.answers, `seed ${SEED}`).toBe(COUNT);
    expect(toll.refusals, `seed ${SEED}`).toBeGreaterThanOrEqual(toll.undecodable);
    expect(toll.undecodable).toBeGreaterThan(COUNT / 3);
    expect(field.failures, `seed ${SEED}`).toEqual([]);

    // The frames may have stopped and deleted any agent: that is what some of them say.
    const survivor = field.tree.agent(await field.tree.supervisor().add({ id: 'survivor', command: ['survivor'] }));
    const echo = pack(['custom_action_request', 'r', survivor.uuid, 'echo', { still: 'here' }]);
    expect(await ask(field.endpoint, pack(['health_check_request', 'r']))).toMatchObject({ healthy: true });
    expect(await ask(field.endpoint, echo)).toMatchObject({ success: true, data: { result: { still: 'here' } } });
  }, 240_000);
});
