import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import { pack, unpack } from '../../src/protocol/codec.js';
import { FaultyNetwork } from './faulty-network.js';
import { type Answer, createRig, type Rig } from './rig.js';

let rig: Rig;
let network: FaultyNetwork;
let socket: Dealer;

beforeEach(async () => {
  rig = await createRig();
  network = await FaultyNetwork.to(rig.tcp);
  socket = connect();
});

afterEach(async () => {
  socket.close();
  await network.close();
  await rig.close();
  expect(rig.failures).toEqual([]);
});

function connect(): Dealer {
  const dealer = new Dealer({ linger: 0, receiveTimeout: 60_000, routingId: 'console', receiveHighWaterMark: 1 });
  dealer.connect(network.endpoint);
  return dealer;
}

const send = (type: string, request_id: string, more: object = {}) =>
  socket.send(['', pack({ type, request_id, ...more })]);

const next = async () => unpack((await socket.receive())[1] ?? Buffer.alloc(0)) as Answer;

/** Loses the connection without the server hearing of it, and waits for the next one. */
async function abandon(): Promise<void> {
  network.abandon();
  await expect.poll(() => network.accepted).toBe(2);
}

describe('a peer with its own routing id that returns before its old connection has timed out', () => {
  it('is served on the new one', async () => {
    await send('health_check_request', 'before');
    expect(await next()).toMatchObject({ request_id: 'before' });
    await abandon();
    await send('health_check_request', 'after');
    expect(await next()).toMatchObject({ request_id: 'after', healthy: true });
  });

  it('gets its pending answers on the new connection', async () => {
    const worker = rig.tree.member('worker');
    let release = () => {};
    worker.hold = new Promise((resolve) => {
      release = resolve;
    });
    await send('control_command', 'slow', { agent_id: worker.uuid, command_type: 'stop' });
    await expect.poll(() => worker.state).toBe('stopping');
    await abandon();
    await send('health_check_request', 'after');
    expect(await next()).toMatchObject({ request_id: 'after' });
    release();
    expect(await next()).toMatchObject({ request_id: 'slow', success: true });
  });

  it('is served again though it had not read on the old one', async () => {
    const agent_id = rig.tree.member('web').uuid;
    const params = 'x'.repeat(100_000);
    for (let n = 0; n < 600; n++) await send('custom_action_request', `r${n}`, { agent_id, action: 'echo', params });
    await expect.poll(() => rig.router.stats.received).toBeGreaterThan(300);
    await expect.poll(() => rig.router.stats.sent).toBeLessThan(rig.router.stats.received);
    network.abandon();
    socket.close();
    socket = connect();
    await send('health_check_request', 'after');
    let answer = await next();
    while (answer.request_id !== 'after') answer = await next();
    expect(answer).toMatchObject({ healthy: true });
  });
});
