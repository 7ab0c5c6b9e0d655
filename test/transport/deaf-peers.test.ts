import { afterEach, expect, it } from 'vitest';
import { pack } from '../../src/protocol/codec.js';
import { SEND_QUEUE } from '../../src/transport/send-window.js';
import { RawPeer } from './raw-peer.js';
import { ask, createRig } from './rig.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const SIZE = 512 * 1024;
const PEERS = 10;

it('peers that never read have five answers each in libzmq, further ones in the outbox', async () => {
  const big = async () => 'x'.repeat(SIZE);
  const rig = await createRig({ actions: { big } });
  open.push(rig);
  const port = Number(new URL(rig.tcp).port);
  const deaf = await Promise.all(Array.from({ length: PEERS }, () => RawPeer.open(port)));
  open.push(...deaf);
  const action = { type: 'custom_action_request', agent_id: rig.tree.member('web').uuid, action: 'big' };
  for (let n = 0; n < 100; n++) {
    for (const peer of deaf) peer.send(pack({ ...action, request_id: `r${n}` }));
  }
  await expect.poll(() => rig.router.stats.received).toBe(PEERS * 100);
  await expect.poll(() => rig.router.stats.dropped).toBeGreaterThan(0);
  const { held, sent } = rig.router.stats;
  expect(held).toBeLessThanOrEqual(PEERS * (SEND_QUEUE + 1) * (SIZE + 2048));
  // What the kernel and the peer's own buffers took has left libzmq; a hundred answers each would be 500 MB.
  expect(sent * SIZE).toBeLessThan(PEERS * 16 * 1024 * 1024);
  expect(await ask(rig.tcp, pack({ type: 'health_check_request', request_id: 'h' }))).toMatchObject({ healthy: true });
  expect(rig.failures).toEqual([]);
});

it('answers are joined in one message for a peer that accepts several, each once and in any order', async () => {
  const { Dealer } = await import('zeromq');
  const { unpack } = await import('../../src/protocol/codec.js');
  const rig = await createRig();
  open.push(rig);
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
  open.push(socket);
  socket.connect(rig.ipc);
  const ids = Array.from({ length: 300 }, (_, n) => `r${n}`);
  for (const request_id of ids) await socket.send(['', pack({ type: 'health_check_request', request_id }), 'join']);
  const seen: unknown[] = [];
  let messages = 0;
  while (seen.length < ids.length) {
    const [delimiter, ...answers] = await socket.receive();
    expect(delimiter).toHaveLength(0);
    messages++;
    for (const answer of answers) seen.push((unpack(answer) as { request_id: string }).request_id);
  }
  expect(seen.sort()).toEqual([...ids].sort());
  expect(messages).toBeLessThan(ids.length);
});
