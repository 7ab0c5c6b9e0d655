import { afterAll, beforeAll, expect, it } from 'vitest';
import { ANYONE, LOCAL, type Peer } from '../../src/control/access/roles.js';
import { answer } from '../../src/control/answer.js';
import { localContext } from '../../src/control/request-context.js';
import { pack } from '../../src/protocol/codec.js';
import { newKeyPair } from '../../src/protocol/curve.js';
import { strictDecode } from '../protocol/strict-decoder.js';
import { createRig, type Rig } from '../transport/rig.js';

let rig: Rig;
let runs = 0;

beforeAll(async () => {
  rig = await createRig({ actions: { count: () => ++runs } });
});

afterAll(() => rig.close());

/** What the action answers to a peer that sends its request, always the same one, with one and the same idempotency key. */
async function countFor(peer: Peer, connection: string): Promise<unknown> {
  const { uuid } = rig.tree.member('web');
  const message = {
    type: 'custom_action_request',
    request_id: 'r',
    agent_id: uuid,
    action: 'count',
    idempotency_key: 'k',
  };
  const reply = await answer(rig.control, pack(message), () => {}, { ...localContext(), peer, connection });
  return (strictDecode(reply).data as { result: unknown }).result;
}

it('idempotency keys of peers of different doors never meet, whatever their keys are called', async () => {
  const [one, other] = [newKeyPair(), newKeyPair()];
  const peers: Peer[] = [
    LOCAL,
    ANYONE,
    { name: 'alice', publicKey: one.publicKey, grants: null },
    { name: 'alice', publicKey: other.publicKey, grants: null },
    ...['local', 'anyone', 'without a key: local', `key ${one.publicKey}`].map((name) => ({
      name,
      publicKey: newKeyPair().publicKey,
      grants: null,
    })),
  ];
  const first = [];
  for (const peer of peers) first.push(await countFor(peer, 'first'));
  expect(first).toEqual(peers.map((_, index) => index + 1));
  // The same peer again, on another connection: it is answered from memory.
  for (const [index, peer] of peers.entries()) expect(await countFor(peer, 'second')).toBe(index + 1);
  expect(runs).toBe(peers.length);
});
