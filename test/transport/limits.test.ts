import { afterEach, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import type { Limits } from '../../src/control/limits.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { readSettings } from '../../src/server/settings.js';
import { type Answer, createRig, type Rig } from './rig.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function limited(limits: Partial<Limits>): Promise<Rig> {
  const rig = await createRig({ limits });
  open.push(rig);
  return rig;
}

function dealer(endpoint: string): Dealer {
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
  socket.connect(endpoint);
  open.push(socket);
  return socket;
}

async function answersOf(socket: Dealer, count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < count) answers.push(unpack((await socket.receive())[1] ?? Buffer.alloc(0)) as Answer);
  return answers;
}

const health = (request_id: string) => pack({ type: 'health_check_request', request_id });
const stop = (request_id: string) =>
  pack({ type: 'tree_request', request_id, operation: 'stop', params: { agent: 'web' } });

describe('the limits of one peer', () => {
  it('refuse the request that is one too many, by its id and with the name of the limit, and take it when there is room', async () => {
    const rig = await limited({ inFlight: 3 });
    let release = () => {};
    rig.tree.member('web').hold = new Promise((resolve) => {
      release = resolve;
    });
    const socket = dealer(rig.tcp);
    for (const id of ['a', 'b', 'c', 'd']) await socket.send(['', stop(id)]);
    const [refused] = await answersOf(socket, 1);
    expect(refused).toMatchObject({
      type: 'tree_response',
      request_id: 'd',
      success: false,
      code: 'TOO_MANY_REQUESTS',
      details: { limit: 'limits.in_flight', max: 3, count: 3 },
    });
    const other = dealer(rig.tcp);
    await other.send(['', health('mine')]);
    expect(await answersOf(other, 1)).toMatchObject([{ request_id: 'mine', healthy: true }]);
    release();
    expect((await answersOf(socket, 3)).map(({ request_id }) => request_id).sort()).toEqual(['a', 'b', 'c']);
    await socket.send(['', health('e')]);
    expect(await answersOf(socket, 1)).toMatchObject([{ request_id: 'e', healthy: true }]);
  });

  it('limit the bytes of unanswered requests; a single request is always accepted', async () => {
    const rig = await limited({ inFlightBytes: 10_000 });
    let release = () => {};
    rig.tree.member('web').hold = new Promise((resolve) => {
      release = resolve;
    });
    const socket = dealer(rig.ipc);
    const send = (request_id: string, size: number) =>
      socket.send([
        '',
        pack({ type: 'tree_request', request_id, operation: 'send', params: { agent: 'web', data: 'x'.repeat(size) } }),
      ]);
    await send('big', 50_000);
    await send('small', 10);
    expect(await answersOf(socket, 1)).toMatchObject([
      { request_id: 'small', code: 'TOO_MANY_REQUESTS', details: { limit: 'limits.in_flight_bytes', max: 10_000 } },
    ]);
    release();
    expect(await answersOf(socket, 1)).toMatchObject([{ request_id: 'big', success: true }]);
  });

  it('refuse requests above the rate, with the time to wait, and leave other peers alone', async () => {
    const rig = await limited({ rate: 1, burst: 5 });
    const socket = dealer(rig.tcp);
    for (let n = 0; n < 8; n++) await socket.send(['', health(`r${n}`)]);
    const answers = await answersOf(socket, 8);
    const refused = answers.filter(({ code }) => code === 'RATE_LIMITED');
    expect(answers.filter(({ healthy }) => healthy === true)).toHaveLength(5);
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({
      type: 'health_check_response',
      request_id: 'r5',
      details: { limit: 'limits.rate', rate: 1, burst: 5, retryAfter: expect.any(Number) },
    });
    const other = dealer(rig.tcp);
    await other.send(['', health('mine')]);
    expect(await answersOf(other, 1)).toMatchObject([{ request_id: 'mine', healthy: true }]);
  });

  it('answer unreadable messages as well', async () => {
    const rig = await limited({ rate: 1, burst: 1 });
    const socket = dealer(rig.tcp);
    await socket.send(['', Buffer.from('GET /')]);
    await socket.send(['', Buffer.from('GET /')]);
    expect((await answersOf(socket, 2)).map(({ code }) => code)).toEqual(['MESSAGE_INVALID', 'RATE_LIMITED']);
  });
});

describe('the table `limits` of the server', () => {
  it('is read in either way of writing', () => {
    expect(readSettings({ limits: { in_flight: 5, rate: 10, burst: 20, idempotencyKeys: 7 } })).toEqual({
      settings: { limits: { inFlight: 5, rate: 10, burst: 20, idempotencyKeys: 7 } },
      problems: [],
    });
  });

  it('is refused with every problem by its path', () => {
    expect(readSettings({ limits: { in_flight: 0, speed: 1 } }).problems.map(({ path, rule }) => [path, rule])).toEqual(
      [
        ['server.limits.inFlight', 'must be an integer from 1'],
        ['server.limits.speed', 'is not a setting'],
      ],
    );
  });
});
