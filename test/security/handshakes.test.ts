import { connect as dial } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import { createVirtualClock } from '../../src/testing/virtual-clock.js';
import { HANDSHAKE_REPORTS, Handshakes } from '../../src/transport/handshakes.js';
import type { Refusal } from '../../src/transport/zap.js';
import { createSecureRig, type SecureRig, wire, wireTo } from './rig.js';

let rig: SecureRig;

beforeAll(async () => {
  rig = await createSecureRig();
});

afterAll(() => rig.close());

beforeEach(() => {
  (rig.audit as unknown[]).length = 0;
});

/** A connection that is gone again at once, as of somebody who looks which ports are open. */
function knock(endpoint: string): { close(): void } {
  const socket = dial(Number(endpoint.split(':').at(-1)), '127.0.0.1', () => socket.end());
  return { close: () => socket.destroy() };
}

function follower(endpoint: string): { close(): void } {
  const socket = new Subscriber({ linger: 0 });
  socket.connect(endpoint);
  socket.subscribe('');
  return socket;
}

// A client of libzmq without a key closes by itself what the server is about to refuse.
describe('a connection that proves no known key', () => {
  it.each([
    ['without a key', /^connect to requests: it (showed no key|left before)/, () => wireTo(rig.tcp)],
    [
      'for another server',
      /^connect to requests: it asked for another server key$/,
      () => wire({ ...rig, serverKey: rig.keys.boss.publicKey }, 'boss'),
    ],
    ['of a port scanner', /^connect to requests: it left before it had shown a key/, () => knock(rig.tcp)],
    [
      'of a subscriber without a key',
      /^connect to reports: it (showed no key|left before)/,
      () => follower(rig.server.pubEndpoints[0] ?? ''),
    ],
  ])('%s is in the audit log', async (_who, verb, make) => {
    const made = make();
    const line = {
      key: 'unknown',
      verb: expect.stringMatching(verb),
      outcome: 'refused',
      code: 'KEY_REFUSED',
      path: null,
    };
    await expect.poll(() => rig.audit).toContainEqual(expect.objectContaining(line));
    made.close();
    expect(rig.failures).toEqual([]);
  });
});

describe('the reports of failed handshakes', () => {
  it('are limited in number, and give the exact count', async () => {
    const clock = createVirtualClock();
    const refusals: Refusal[] = [];
    const handshakes = new Handshakes('requests', (refusal) => refusals.push(refusal), clock);
    for (let n = 0; n < 1_000; n++) handshakes.failed('it showed no key');
    expect(refusals).toHaveLength(HANDSHAKE_REPORTS.most);
    await clock.advance(HANDSHAKE_REPORTS.span);
    expect(refusals.at(-1)).toMatchObject({ reason: `${1_000 - HANDSHAKE_REPORTS.most} more without a known key` });
    expect(refusals).toHaveLength(HANDSHAKE_REPORTS.most + 1);
    handshakes.failed('it showed no key');
    expect(refusals.at(-1)).toMatchObject({ reason: 'it showed no key', address: null, publicKey: null });
    await clock.advance(10 * HANDSHAKE_REPORTS.span);
    expect(refusals).toHaveLength(HANDSHAKE_REPORTS.most + 2);
  });
});
