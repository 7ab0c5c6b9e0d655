import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { createSecureRig, type Name, type SecureRig } from './rig.js';

let rig: SecureRig;

beforeAll(async () => {
  rig = await createSecureRig();
});

afterAll(async () => {
  await rig.close();
  expect(rig.failures).toEqual([]);
});

const as = (name: Name) =>
  connect({ endpoint: rig.tcp, serverKey: rig.serverKey, keys: rig.keys[name], timeout: 20_000 });

describe('a key with the role input', () => {
  it('may write, and may not end the agent by closing its standard input', async () => {
    const client = await as('typist');
    expect(await client.request('send', { agent: 'root/a/one', data: 'x\n' })).toEqual({ bytes: 2 });
    await expect(client.request('send', { agent: 'root/a/one', data: 'y\n', end: true })).rejects.toMatchObject({
      code: 'FORBIDDEN',
      details: { role: 'lifecycle', subtree: 'root/a/one' },
    });
    await client.close();
    const boss = await as('boss');
    expect(await boss.status('root/a/one')).toMatchObject({ state: 'running', incarnation: 1 });
    expect((await boss.request('logs', { agent: 'root/a/one' })).lines.map(({ text }) => text)).toEqual(['x\n']);
    await boss.close();
  });
});

describe('the snapshot of a key for a part of the tree', () => {
  it('counts the events of that part alone', async () => {
    const [lead, boss] = [await as('lead'), await as('boss')];
    const seqOf = async () => (await lead.request('snapshot', {})).seq;
    const before = await seqOf();
    await boss.restart('root/b/two');
    expect(await seqOf()).toBe(before);
    await boss.restart('root/a/one');
    expect(await seqOf()).toBeGreaterThan(before);
    await Promise.all([lead.close(), boss.close()]);
  });
});
