import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConnectOptions, connect } from '../../src/client/client.js';
import { newKeyPair } from '../../src/protocol/curve.js';
import { Stage } from '../transport/live.js';

let stage: Stage;

beforeEach(async () => {
  stage = await Stage.open();
});

afterEach(async () => {
  await stage.close();
  expect(stage.failures).toEqual([]);
});

const refusal = (options: object) => connect(options as ConnectOptions).catch((thrown: unknown) => thrown);

describe('the options of connect', () => {
  it.each([
    ['timeout', 0, 'must be a number from 1, or Infinity', '0'],
    ['timeout', '1000', 'must be a number from 1, or Infinity', '"1000"'],
    ['timeout', Number.NaN, 'must be a number from 1, or Infinity', 'NaN'],
    ['wait', -1, 'must be a number from 0, or Infinity', '-1'],
    ['attempts', 1.5, 'must be an integer from 0, or Infinity', '1.5'],
    ['patience', -5, 'must be a number from 0, or Infinity', '-5'],
    ['queue', -1, 'must be an integer from 0, or Infinity', '-1'],
    ['window', 0, 'must be an integer from 1, or Infinity', '0'],
    ['idle', 0, 'must be a number from 1, or Infinity', '0'],
    ['endpoint', 42, 'must be text', '42'],
    ['endpoint', [undefined], 'must be text', 'undefined'],
    ['pubEndpoint', 42, 'must be text', '42'],
  ])('refuse %s: %j', async (option, value, rule, got) => {
    const thrown = await refusal({ endpoint: 'ipc:///nowhere/s.sock', [option]: value });
    expect(thrown).toMatchObject({ code: 'OPTION_INVALID', details: { option, rule, got } });
  });

  it('have their defaults where they are undefined', async () => {
    const { endpoint } = await stage.serve('a', 'web');
    const names = ['timeout', 'attempts', 'patience', 'queue', 'window', 'idle', 'wait', 'keys', 'serverKey'] as const;
    const none = Object.fromEntries(names.map((name) => [name, undefined]));
    const client = await connect({ endpoint, ...none });
    expect(await client.health()).toMatchObject({ healthy: true });
    await client.close();
  });

  it('may be longer than any timer, and have no end', async () => {
    const { endpoint } = await stage.serve('a', 'web');
    for (const ms of [3e9, Number.POSITIVE_INFINITY]) {
      const client = await connect({ endpoint, timeout: ms, patience: ms, idle: ms });
      expect(await client.health()).toMatchObject({ healthy: true });
      expect(client.statistics.reconnections).toBe(0);
      await client.close();
    }
  });

  it('name the key that is wrong, and the white space around it', async () => {
    const endpoint = 'tcp://127.0.0.1:1';
    const [keys, { publicKey: serverKey }] = [newKeyPair(), newKeyPair()];
    const refusalText = async (options: ConnectOptions) =>
      String(await refusal({ endpoint, serverKey, keys, ...options }));
    expect(await refusalText({ serverKey: 'abc' })).toContain('`serverKey` must be 40 characters of Z85.');
    expect(await refusalText({ serverKey: `${serverKey}\n` })).toContain(
      '`serverKey` must be 40 characters of Z85, without the white space around them.',
    );
    expect(await refusalText({ keys: { ...keys, secretKey: 'x' } })).toContain('`keys.secretKey` must be');
    expect(await refusalText({ keys: { ...keys, publicKey: `${keys.publicKey} ` } })).toContain(
      '`keys.publicKey` must be',
    );
  });
});

describe('connect with `wait`', () => {
  it('goes on until there is a server', async () => {
    const { endpoint, stop } = await stage.serve('a', 'web');
    await stop();
    const connecting = connect({ endpoint, wait: Number.POSITIVE_INFINITY });
    await expect(connect({ endpoint })).rejects.toMatchObject({ code: 'NO_SERVER' });
    await stage.serve('a', 'web');
    const client = await connecting;
    expect(await client.health()).toMatchObject({ healthy: true });
    await client.close();
  });

  it('ends with the time, and at once for lasting errors', async () => {
    const { endpoint, stop } = await stage.serve('a', 'web');
    await stop();
    await expect(connect({ endpoint, wait: 300 })).rejects.toMatchObject({ code: 'NO_SERVER' });
    await expect(connect({ endpoint: 'web', wait: 60_000 })).rejects.toMatchObject({ code: 'ENDPOINT_INVALID' });
  });
});
