import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { connect } from '../../src/client/client.js';
import { type Connection, openConnection } from '../../src/client/connection.js';
import type { ClientSecurity } from '../../src/client/security.js';
import type { SupertreeError } from '../../src/errors.js';
import { newKeyPair } from '../../src/protocol/curve.js';
import { createServer } from '../../src/server/server.js';
import { createSecureRig, type SecureRig } from './rig.js';

let rig: SecureRig;
const connections: Connection[] = [];

beforeAll(async () => {
  rig = await createSecureRig();
});

afterAll(async () => {
  for (const each of connections) each.close();
  await rig?.close();
});

/** Opens one connection after another until one of them works, or one has a reason that passes `enough`. */
async function outcome(
  endpoint: string,
  security: ClientSecurity | null,
  enough: (reason: SupertreeError) => boolean = () => true,
): Promise<SupertreeError | null> {
  for (;;) {
    const reason = await once(endpoint, security);
    if (reason === 'opened') return null;
    if (reason !== null && enough(reason)) return reason;
  }
}

function once(endpoint: string, security: ClientSecurity | null): Promise<SupertreeError | 'opened' | null> {
  return new Promise((resolve) => {
    const connection = openConnection({
      endpoint,
      security,
      owner: null,
      opened: () => resolve('opened'),
      received: () => {},
      lost: resolve,
    });
    connections.push(connection);
  });
}

describe('connect', () => {
  it('works with keys: requests and refusals', async () => {
    const { keys, serverKey } = { keys: rig.keys.lead, serverKey: rig.serverKey };
    await using client = await connect({ endpoint: rig.tcp, keys, serverKey, timeout: 20_000 });
    expect((await client.agents()).map(({ path }) => path)).toEqual(['root/a/one', 'root/a/same']);
    await expect(client.send('one', 'x')).rejects.toMatchObject({ code: 'FORBIDDEN', details: { role: 'input' } });
    await expect(client.stop('two')).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
  });

  it.each([
    ['without keys', () => ({}), /asks for keys/],
    ['with a key that is not known', () => ({ keys: rig.keys.stranger }), /does not know the key/],
    ['with another server key', () => ({ serverKey: newKeyPair().publicKey }), /server key is not its own/],
  ])('ends %s with a word about keys', async (how, wrong, text) => {
    const right = how === 'without keys' ? {} : { keys: rig.keys.boss, serverKey: rig.serverKey };
    const refused = connect({ endpoint: rig.tcp, timeout: 20_000, ...right, ...wrong() });
    await expect(refused).rejects.toMatchObject({
      code: expect.stringMatching(/^(KEY_REFUSED|NO_SERVER)$/),
      message: expect.stringMatching(text),
    });
  });

  it('refuses keys without a server key, and a server key without keys', async () => {
    for (const half of [{ keys: rig.keys.boss }, { serverKey: rig.serverKey }]) {
      await expect(connect({ endpoint: rig.tcp, ...half })).rejects.toMatchObject({ code: 'KEY_INVALID' });
    }
  });
});

describe('a client of a server with keys', () => {
  const secure = (keys = rig.keys.boss, serverKey = rig.serverKey) => ({ keys, serverKey });

  it('opens a connection with the right keys, and over ipc whatever its keys', async () => {
    expect(await outcome(rig.tcp, secure())).toBeNull();
    expect(await outcome(rig.ipc, secure())).toBeNull();
    expect(await outcome(rig.ipc, null)).toBeNull();
  });

  it('gets KEY_REFUSED when the server does not know its key', async () => {
    expect(await outcome(rig.tcp, secure(rig.keys.stranger))).toMatchObject({
      code: 'KEY_REFUSED',
      message: `${rig.tcp} refused the connection: it does not know the key, or the key may not do this.`,
    });
  });

  it('gets an error about keys when it has none, or another server key', async () => {
    const plain = await outcome(rig.tcp, null);
    expect(plain?.message).toContain('it asks for keys');
    const wrong = await outcome(rig.tcp, secure(rig.keys.boss, newKeyPair().publicKey));
    expect(wrong).toMatchObject({ code: 'NO_SERVER', message: expect.stringContaining('server key is not its own') });
  });

  it('gets an error when it has keys and the server has none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
    const server = await createServer({
      config: { tree: { id: 'root', children: [] }, settings: { endpoints: ['tcp://127.0.0.1:*'] } },
      insecure: true,
      createTree: (input) => createTree(input),
      failed: () => {},
    });
    const isRefused = ({ code }: SupertreeError) => code === 'KEY_REFUSED';
    const reason = await outcome(server.endpoints[0] ?? '', secure(), isRefused);
    expect(reason?.message).toContain('it has no keys, and a key was given');
    await server.stop();
    await rm(directory, { recursive: true });
  });

  it('refuses a public and a secret key of different pairs', async () => {
    const keys = { publicKey: newKeyPair().publicKey, secretKey: newKeyPair().secretKey };
    await expect(once(rig.tcp, secure(keys))).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });
});
