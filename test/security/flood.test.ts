import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import { pack, unpack } from '../../src/protocol/codec.js';
import { clientTicket } from '../../src/protocol/curve.js';
import { type Answer, createSecureRig, type Name, type SecureRig, type Wire, wire } from './rig.js';

let rig: SecureRig;
const open: { close(): void }[] = [];

beforeAll(async () => {
  rig = await createSecureRig();
});

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

afterAll(() => rig.close());

const CONNECTIONS = 20;
const AT_ONCE = 3;
const REQUESTS = 3;

/** `count` has the number of its parameters; if not given, as many as a large request may have. */
const large = (operation: string, count = 65_000) =>
  pack({
    type: 'tree_request',
    request_id: 'large',
    operation,
    params: Object.fromEntries(Array.from({ length: count }, (_, n) => [`u${n}`, n])),
  });

function connect(name: Name, routingId?: string): Wire {
  const made = wire(rig, name, routingId);
  open.push(made);
  return made;
}

function dealerOf(name: Name): Dealer {
  const { publicKey, secretKey } = rig.keys[name];
  const socket = new Dealer({
    linger: 0,
    receiveTimeout: 60_000,
    curveServerKey: rig.serverKey,
    curvePublicKey: publicKey,
    curveSecretKey: secretKey,
    routingId: `${clientTicket(secretKey, rig.serverKey)}.${Math.random()}`,
  });
  socket.connect(rig.tcp);
  open.push(socket);
  return socket;
}

describe('a key whose subtree does not exist, with 60 large requests at a time over 20 connections', () => {
  it('is refused each time, and another key is answered meanwhile', async () => {
    const bytes = large('health');
    const codes = new Map<unknown, number>();
    let isOver = false;
    const flood = async (socket: Dealer) => {
      let unanswered = 0;
      do {
        while (!isOver && unanswered < AT_ONCE) {
          await socket.send(['', bytes]);
          unanswered++;
        }
        const { code } = unpack((await socket.receive()).at(-1) ?? Buffer.alloc(0)) as Answer;
        unanswered--;
        codes.set(code, (codes.get(code) ?? 0) + 1);
      } while (unanswered > 0);
    };
    const floods = Array.from({ length: CONNECTIONS }, () => flood(dealerOf('lost')));
    await expect.poll(() => codes.size, { timeout: 30_000 }).toBeGreaterThan(0);
    const boss = connect('boss');
    expect(await boss.operate('health')).toMatchObject({ success: true });
    const refused = () => [...codes.values()].reduce((sum, count) => sum + count);
    const before = refused();
    for (let n = 0; n < REQUESTS; n++) expect(await boss.operate('health')).toMatchObject({ success: true });
    isOver = true;
    await Promise.all(floods);
    // Above the bytes that one key may have under way, the limit is the answer.
    expect(['MESSAGE_INVALID', 'TOO_MANY_REQUESTS']).toEqual(expect.arrayContaining([...codes.keys()]));
    // Each request waited for the large ones that were under way when it was sent, and for their successors at most.
    expect((refused() - before) / (REQUESTS + 1)).toBeLessThan(2 * CONNECTIONS * AT_ONCE);
  }, 120_000);
});

describe('a request with many values', () => {
  const many = (operation: string) => large(operation, 5_000);

  it('is refused by its head: unknown operations, operations that never need many, and peers without the role', async () => {
    const before = rig.audit.length;
    const lost = connect('lost');
    expect(await lost.post(many('health'))).toMatchObject({ request_id: 'large', code: 'MESSAGE_INVALID' });
    expect(await lost.post(many('x'))).toMatchObject({ request_id: 'large', code: 'COMMAND_UNKNOWN' });
    expect(await lost.post(many('spawn'))).toMatchObject({ code: 'FORBIDDEN', details: { role: 'spawn' } });
    expect(await lost.post(many('send'))).toMatchObject({ code: 'FORBIDDEN', details: { role: 'input' } });
    expect(await connect('boss', 'unproven').post(many('spawn'))).toMatchObject({ code: 'KEY_UNPROVEN' });
    expect(await connect('lead').post(many('stop'))).toMatchObject({
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining('it has more than 1024 values, which stop never needs'),
    });
    expect(rig.audit.slice(before).map(({ key, verb, outcome, code }) => [key, verb, outcome, code])).toEqual([
      ['lost', 'spawn', 'refused', 'FORBIDDEN'],
      ['lost', 'send', 'refused', 'FORBIDDEN'],
      ['unproven', 'spawn', 'refused', 'KEY_UNPROVEN'],
    ]);
  });

  it('of a batch or for the input of an agent is decoded only for a peer with the role', async () => {
    const agent_id = rig.server.tree.agent('root/a/one').uuid;
    const payload = { stdin: Array.from({ length: 2_000 }, () => 10) };
    const command = { type: 'control_command', request_id: 'r', agent_id, command_type: 'write_stdin', payload };
    const batch = {
      type: 'batch_control_command',
      request_id: 'r',
      agent_ids: [agent_id],
      command_type: 'stop',
      payload,
    };
    const lost = connect('lost');
    expect(await lost.ask(command)).toMatchObject({ request_id: 'r', code: 'FORBIDDEN' });
    expect(await lost.ask(batch)).toMatchObject({ request_id: 'r', code: 'FORBIDDEN', details: { role: 'lifecycle' } });
    expect(await connect('typist').ask(command)).not.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('a request with some unknown parameters', () => {
  it('is refused with the first of them', async () => {
    const params = Object.fromEntries(Array.from({ length: 400 }, (_, n) => [`unknown${n}`, n]));
    const { error } = await connect('boss').operate('health', params);
    expect(error).toContain('params.unknown0 is not a parameter of this operation');
    expect(String(error).length).toBeLessThan(300);
  });
});
