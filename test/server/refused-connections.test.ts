import { expect, it } from 'vitest';
import { REFUSAL_LOG_LIMITS, RefusedConnections } from '../../src/server/refused-connections.js';
import { createVirtualClock } from '../../src/testing/virtual-clock.js';
import type { Refusal } from '../../src/transport/zap.js';

const stranger = (more: Partial<Refusal> = {}): Refusal => ({
  domain: 'requests',
  name: null,
  address: '192.0.2.1',
  publicKey: 'x',
  reason: 'the key is not known',
  ...more,
});

it('gives each of the first connections of a kind a line, and further ones one line with their number', async () => {
  const clock = createVirtualClock();
  const lines: [string | null, string, number][] = [];
  const refused = new RefusedConnections(
    ({ address, reason }, repeated) => lines.push([address, reason, repeated]),
    clock,
  );
  for (let n = 0; n < 5_000; n++) refused.note(stranger({ publicKey: `key ${n}` }));
  refused.note(stranger({ address: '192.0.2.2' }));
  refused.note(stranger({ reason: 'it showed no key' }));
  expect(lines).toHaveLength(REFUSAL_LOG_LIMITS.most + 2);
  await clock.advance(REFUSAL_LOG_LIMITS.span);
  expect(lines.at(-1)).toEqual(['192.0.2.1', 'the key is not known', 5_000 - REFUSAL_LOG_LIMITS.most]);
  refused.note(stranger());
  expect(lines.at(-1)).toEqual(['192.0.2.1', 'the key is not known', 0]);
});

it('counts all addresses above its limit as one', () => {
  const lines: [string | null, number][] = [];
  const refused = new RefusedConnections(
    ({ address }, repeated) => lines.push([address, repeated]),
    createVirtualClock(),
  );
  const addresses = REFUSAL_LOG_LIMITS.kinds + 500;
  for (let n = 0; n < addresses; n++) refused.note(stranger({ address: `2001:db8::${n.toString(16)}` }));
  refused.flush();
  expect(lines).toHaveLength(REFUSAL_LOG_LIMITS.kinds + REFUSAL_LOG_LIMITS.most + 1);
  expect(lines.at(-1)).toEqual([null, 500 - REFUSAL_LOG_LIMITS.most]);
});
