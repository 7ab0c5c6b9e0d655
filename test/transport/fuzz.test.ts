import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../src/protocol/codec.js';
import { SEED } from '../fast-check.js';
import { UUID } from '../protocol/vector.js';
import { chance, frames } from '../soak/frames.js';
import { createFuzzServer, type FuzzServer } from '../soak/fuzz-server.js';
import { sendFrames } from '../soak/send-frames.js';
import { ask } from './rig.js';

/** `npm run soak -- fuzz` sends more. */
const COUNT = 4_000;

let server: FuzzServer;

beforeAll(async () => {
  server = await createFuzzServer();
});

afterAll(() => server.close());

describe('thousands of hostile frames', () => {
  it('are the same ones for the same seed', () => {
    const all = (seed: number) => [...frames(50, seed, UUID)].map((frame) => Buffer.from(frame).toString('hex'));
    expect(all(7)).toEqual(all(7));
    expect(all(7)).not.toEqual(all(8));
    expect(chance(1)()).not.toBe(chance(2)());
  });

  it('are answered one by one, and the same server goes on to serve a normal client', async () => {
    const { uuid } = server.tree.agent('web');
    const counts = await sendFrames(server.endpoint, frames(COUNT, SEED, uuid));
    expect(counts.faults, `seed ${SEED}`).toEqual([]);
    expect(counts.answers, `seed ${SEED}`).toBe(COUNT);
    expect(counts.refusals, `seed ${SEED}`).toBeGreaterThanOrEqual(counts.undecodable);
    expect(counts.undecodable).toBeGreaterThan(COUNT / 3);
    expect(server.failures, `seed ${SEED}`).toEqual([]);

    // The frames may have stopped and deleted any agent: that is what some of them say.
    const survivor = server.tree.agent(await server.tree.supervisor().add({ id: 'survivor', command: ['survivor'] }));
    const echo = pack(['custom_action_request', 'r', survivor.uuid, 'echo', { still: 'here' }]);
    expect(await ask(server.endpoint, pack(['health_check_request', 'r']))).toMatchObject({ healthy: true });
    expect(await ask(server.endpoint, echo)).toMatchObject({ success: true, data: { result: { still: 'here' } } });
  }, 240_000);
});
