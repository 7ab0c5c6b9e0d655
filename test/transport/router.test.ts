import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Dealer, Request } from 'zeromq';
import { pack, unpack } from '../../src/protocol/codec.js';
import fc from '../fast-check.js';
import { type Answer, ask, createRig, deal, type Rig } from './rig.js';

const HEALTH = pack({ type: 'health_check_request', request_id: 'h1' });

let rig: Rig;

beforeAll(async () => {
  rig = await createRig();
});

afterAll(async () => {
  await rig.close();
  expect(rig.failures).toEqual([]);
});

async function expectServing(): Promise<void> {
  expect(await ask(rig.tcp, HEALTH)).toMatchObject({ type: 'health_check_response', request_id: 'h1', healthy: true });
}

describe('the ROUTER', () => {
  it('serves a REQ peer on ipc and on tcp, one request after another on one socket', async () => {
    for (const endpoint of [rig.ipc, rig.tcp]) {
      const socket = new Request({ linger: 0, receiveTimeout: 60_000 });
      socket.connect(endpoint);
      for (const id of ['a', 'b', 'c']) {
        await socket.send(pack(['health_check_request', id]));
        const frames = await socket.receive();
        expect(frames).toHaveLength(1);
        expect(unpack(frames[0] ?? Buffer.alloc(0))).toMatchObject({ request_id: id, protocol_version: '1.0.0' });
      }
      socket.close();
    }
  });

  it('returns the envelope of a DEALER peer unchanged: with a delimiter, without, and with a request id before it', async () => {
    expect(await deal(rig.tcp, '', HEALTH)).toMatchObject([Buffer.alloc(0), { length: expect.any(Number) }]);
    expect(await deal(rig.ipc, HEALTH)).toHaveLength(1);
    expect((await deal(rig.tcp, 'tag', '', HEALTH)).slice(0, 2).map(String)).toEqual(['tag', '']);
  });

  it('reads only the first frame after the envelope', async () => {
    const frames = await deal(rig.tcp, '', HEALTH, 'more', 'and more');
    expect(unpack(frames[1] ?? Buffer.alloc(0))).toMatchObject({ type: 'health_check_response' });
  });

  it('answers 200 requests in flight on one socket, each once', async () => {
    const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
    socket.connect(rig.ipc);
    const ids = Array.from({ length: 200 }, (_, index) => `r${index}`);
    for (const id of ids) await socket.send(['', pack(['list_agents_request', id])]);
    const seen = new Set<unknown>();
    for (const _ of ids) seen.add((unpack((await socket.receive())[1] ?? Buffer.alloc(0)) as Answer).request_id);
    expect([...seen].sort()).toEqual([...ids].sort());
    socket.close();
  });

  it('answers a quick request while a slow one of the same peer waits', async () => {
    let release = () => {};
    rig.tree.member('worker').hold = new Promise((resolve) => {
      release = resolve;
    });
    const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
    socket.connect(rig.tcp);
    const stop = pack({
      type: 'control_command',
      request_id: 'slow',
      agent_id: rig.tree.member('worker').uuid,
      command_type: 'stop',
    });
    await socket.send(['', stop]);
    await socket.send(['', HEALTH]);
    expect(unpack((await socket.receive())[1] ?? Buffer.alloc(0))).toMatchObject({ request_id: 'h1' });
    release();
    expect(unpack((await socket.receive())[1] ?? Buffer.alloc(0))).toMatchObject({ request_id: 'slow', success: true });
    socket.close();
  });

  it('delays no peer because of another one that never reads, and counts dropped answers', async () => {
    const silent = new Dealer({ linger: 0, receiveHighWaterMark: 1, sendTimeout: 20_000 });
    const connected = new Promise((resolve) => silent.events.on('handshake', resolve));
    silent.connect(rig.ipc);
    await connected;
    const big = pack({
      type: 'control_command',
      request_id: 'x',
      agent_id: rig.tree.member('web').uuid,
      command_type: 'custom_action',
      payload: { action: 'echo', params: 'y'.repeat(50_000) },
    });
    for (let sent = 0; sent < 2_500; sent++) {
      await silent.send(['', big]);
      // The server gets its turn, and everybody else an answer, while the peer goes on.
      if (sent % 500 === 499) await expectServing();
    }
    await expect.poll(() => rig.router.stats.dropped).toBeGreaterThan(0);
    await expectServing();
    silent.close();
  });

  it('sends no heartbeat to a peer that does not support them', async () => {
    const { connect } = await import('node:net');
    const socket = connect(Number(new URL(rig.tcp).port), '127.0.0.1');
    // A ZMTP 3.0 greeting, NULL mechanism, and READY as a REQ: the oldest peer that is served.
    const greeting = Buffer.alloc(64);
    Buffer.from('ff00000000000000017f0300', 'hex').copy(greeting);
    greeting.write('NULL', 12);
    const ready = Buffer.concat([
      Buffer.from([0x05]),
      Buffer.from('READY'),
      Buffer.from([0x0b]),
      Buffer.from('Socket-Type'),
      Buffer.from([0, 0, 0, 3]),
      Buffer.from('REQ'),
    ]);
    const frames: Buffer[] = [];
    socket.on('data', (data) => frames.push(data));
    // One step after another: a message before the other side is ready would be a violation.
    const received = (text: string) => expect.poll(() => Buffer.concat(frames).includes(text)).toBe(true);
    socket.write(greeting);
    await received('NULL');
    socket.write(Buffer.concat([Buffer.from([0x04, ready.length]), ready]));
    await received('READY');
    socket.write(Buffer.concat([Buffer.from([0x01, 0x00, 0x00, HEALTH.length]), HEALTH]));
    await received('health_check_response');
    expect(Buffer.concat(frames).includes('PING')).toBe(false);
    socket.destroy();
  });
});

describe('bad input', () => {
  const cases: [string, Uint8Array, Answer][] = [
    [
      'what is not MessagePack',
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      { type: 'error_response', code: 'MESSAGE_INVALID' },
    ],
    ['an empty frame', Buffer.alloc(0), { type: 'error_response', code: 'MESSAGE_INVALID', request_id: '' }],
    ['a scalar', pack(7), { type: 'error_response', code: 'MESSAGE_INVALID' }],
    [
      'an unknown type',
      pack({ type: 'fly', request_id: 'r1' }),
      { type: 'error_response', code: 'MESSAGE_TYPE', request_id: 'r1' },
    ],
    [
      'an answer',
      pack(['spawn_response', 'r1', true]),
      { type: 'error_response', code: 'MESSAGE_TYPE', request_id: 'r1' },
    ],
    [
      'a request id of the wrong type',
      pack(['health_check_request', 5]),
      { type: 'health_check_response', healthy: false, code: 'MESSAGE_INVALID' },
    ],
    [
      'deep nesting',
      Buffer.concat([pack(['tree_request', 'r9']).fill(0x94, 0, 1), Buffer.alloc(100_000, 0x91)]),
      { type: 'tree_response', request_id: 'r9', success: false, code: 'MESSAGE_INVALID' },
    ],
    [
      '11 MB',
      pack({ type: 'tree_request', request_id: 'r2', operation: 'x'.repeat(11_000_000) }),
      { type: 'tree_response', request_id: 'r2', code: 'MESSAGE_TOO_LARGE' },
    ],
    [
      'an unknown agent',
      pack(['control_command', 'r3', '00112233-4455-6677-8899-aabbccddeeff', 'stop']),
      { type: 'command_response', request_id: 'r3', success: false, code: 'AGENT_NOT_FOUND' },
    ],
    [
      'an unknown command',
      pack(['control_command', 'r4', '00112233-4455-6677-8899-aabbccddeeff', 'fly']),
      { type: 'command_response', request_id: 'r4', success: false, code: 'MESSAGE_INVALID' },
    ],
    [
      'an unknown operation',
      pack({ type: 'tree_request', request_id: 'r5', operation: 'fly' }),
      { type: 'tree_response', request_id: 'r5', code: 'COMMAND_UNKNOWN' },
    ],
    [
      'wrong parameters',
      pack({ type: 'tree_request', request_id: 'r6', operation: 'logs', params: { agent: 5, last: -1 } }),
      {
        type: 'tree_response',
        request_id: 'r6',
        code: 'MESSAGE_INVALID',
        details: expect.objectContaining({ field: 'params.agent', value: '5' }),
      },
    ],
    [
      'a custom action for nobody',
      pack(['custom_action_request', 'r7', '00112233-4455-6677-8899-aabbccddeeff', 'echo']),
      { type: 'command_response', request_id: 'r7', code: 'AGENT_NOT_FOUND' },
    ],
    [
      'a batch of too many',
      pack(['batch_control_command', 'r8', Array(1_001).fill('x'), 'stop']),
      { type: 'batch_control_response', request_id: 'r8', code: 'BATCH_LIMIT' },
    ],
    [
      'an output query for nobody',
      pack(['output_query_request', 'ra', '00112233-4455-6677-8899-aabbccddeeff', 'both']),
      { type: 'output_query_response', request_id: 'ra', code: 'AGENT_NOT_FOUND' },
    ],
  ];

  it.each(cases)('%s is answered with the reason, and nothing changes', async (_title, payload, expected) => {
    const before = rig.tree.agents();
    for (const endpoint of [rig.ipc, rig.tcp]) {
      const reply = await ask(endpoint, payload);
      expect(reply).toMatchObject(expected);
      expect(reply).toMatchObject({ error: expect.any(String), remedy: expect.any(String) });
    }
    expect(rig.tree.agents()).toEqual(before);
    await expectServing();
  });

  it('of 200 random frames is answered frame by frame', async () => {
    const valid = pack({
      type: 'control_command',
      request_id: 'r',
      agent_id: 'x',
      command_type: 'stop',
      payload: { a: [1, 2] },
    });
    const mutated = fc
      .tuple(fc.nat(valid.length - 1), fc.nat(255))
      .map(([at, byte]) => Uint8Array.from(valid).fill(byte, at, at + 1));
    const frames = fc.sample(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), 200);
    const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
    socket.connect(rig.tcp);
    for (const frame of frames) {
      await socket.send(['', frame]);
      const [delimiter, payload] = await socket.receive();
      expect(delimiter).toHaveLength(0);
      expect(unpack(payload ?? Buffer.alloc(0))).toMatchObject({ success: false, error: expect.any(String) });
    }
    socket.close();
    await expectServing();
  });
});
