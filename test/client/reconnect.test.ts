import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Client } from '../../src/client/client.js';
import { SupertreeError } from '../../src/errors.js';
import { codeOf } from '../code-of.js';
import type { FakeTree } from '../transport/fake-tree.js';
import { FaultyNetwork } from '../transport/faulty-network.js';
import { Stage } from '../transport/live.js';
import { ScriptedServer } from '../transport/scripted.js';

let stage: Stage;

beforeEach(async () => {
  stage = await Stage.open();
});

afterEach(async () => {
  await stage.close();
  expect(stage.failures).toEqual([]);
});

const stateOf = (client: Client) => client.statistics.servers[0]?.state;

/** A command on its way: the agent has been told, and does not answer until `release`. */
async function underWay(
  live: { tree: FakeTree },
  client: Client,
): Promise<{ stop: Promise<string>; release: () => void }> {
  const web = live.tree.member('web');
  let release = () => {};
  web.hold = new Promise((resolve) => {
    release = resolve;
  });
  const stop = client.stop('web').then((row) => row.state);
  stop.catch(() => {});
  await expect.poll(() => web.calls).toEqual(['stop']);
  return { stop, release };
}

describe('a client whose connection breaks', () => {
  const breaks = {
    'is cut': (proxy: FaultyNetwork) => proxy.cut(),
    'is half closed': (proxy: FaultyNetwork) => proxy.halfClose(),
    'says nothing any more': (proxy: FaultyNetwork) => proxy.stall(),
  };

  it.each(Object.entries(breaks))('has a command done once, and answered, when it %s', async (_, harm) => {
    const live = await stage.serve('a', 'web');
    const proxy = await FaultyNetwork.to(live.endpoint);
    const client = await stage.connect(proxy.endpoint, { idle: 300 });
    const { stop, release } = await underWay(live, client);
    harm(proxy);
    await expect.poll(() => client.statistics.reconnections).toBe(1);
    release();
    expect(await stop).toBe('stopped');
    expect(live.tree.member('web').calls).toEqual(['stop']);
    expect(await client.status('web')).toMatchObject({ state: 'stopped' });
    await client.close();
    await proxy.close();
  });

  it('rejects requests without a key, because their outcome is unknown, and sends later ones', async () => {
    const live = await stage.serve('a', 'web');
    const proxy = await FaultyNetwork.to(live.endpoint);
    const client = await stage.connect(proxy.endpoint);
    live.tree.member('web').hold = new Promise(() => {});
    const signal = codeOf(client.signal('web', 'HUP'));
    await expect.poll(() => live.tree.member('web').calls).toEqual(['signal HUP']);
    proxy.cut();
    expect(await signal).toBe('NO_SERVER');
    expect(stateOf(client)).toBe('reconnecting');
    expect(await client.status('web')).toMatchObject({ path: 'root/web' });
    expect(live.tree.member('web').calls).toEqual(['signal HUP']);
    await client.close();
    await proxy.close();
  });

  it('sends any request with a key of the caller again', async () => {
    const live = await stage.serve('a', 'web');
    const proxy = await FaultyNetwork.to(live.endpoint);
    const client = await stage.connect(proxy.endpoint);
    const web = live.tree.member('web');
    let release = () => {};
    web.hold = new Promise((resolve) => {
      release = resolve;
    });
    const signal = client.request('signal', { agent: 'web', signal: 'HUP' }, { idempotencyKey: 'once' });
    await expect.poll(() => web.calls).toEqual(['signal HUP']);
    proxy.cut();
    await expect.poll(() => client.statistics.reconnections).toBe(1);
    release();
    expect(await signal).toMatchObject({ path: 'root/web' });
    expect(web.calls).toEqual(['signal HUP']);
    await client.close();
    await proxy.close();
  });

  it('finds a restarted server, which answers the requests made meanwhile', async () => {
    const first = await stage.serve('a', 'web');
    const client = await stage.connect(first.endpoint);
    await first.stop();
    await expect.poll(() => stateOf(client)).toBe('reconnecting');
    const asked = Promise.all([client.health(), client.status('job'), client.stop('job')]);
    await stage.serve('a', 'job');
    expect(await asked).toMatchObject([{ agents: 1 }, { id: 'job' }, { state: 'stopped' }]);
  });
});

describe('a client without a connection', () => {
  it('keeps so many requests, refuses the next with the limit, and rejects them when it takes too long', async () => {
    const live = await stage.serve('a', 'web');
    const client = await stage.connect(live.endpoint, { queue: 3, patience: 500 });
    await live.stop();
    await expect.poll(() => stateOf(client)).toBe('reconnecting');
    const waiting = [1, 2, 3].map(() => codeOf(client.health()));
    const refused: unknown = await client.health().catch((thrown: unknown) => thrown);
    expect(refused).toEqual(new SupertreeError('QUEUE_FULL', { limit: 3 }));
    expect(String(refused)).toContain('Command queue is full (3 commands). Cannot queue more commands.');
    expect(client.statistics).toMatchObject({ queued: 3, inFlight: 0, connectedSince: null });
    expect(await Promise.all(waiting)).toEqual(['NO_SERVER', 'NO_SERVER', 'NO_SERVER']);
    expect(client.statistics.queued).toBe(0);
  });

  it('ends a wait at its own deadline, and with its own signal', async () => {
    const live = await stage.serve('a', 'web');
    const client = await stage.connect(live.endpoint);
    await live.stop();
    await expect.poll(() => stateOf(client)).toBe('reconnecting');
    const abort = new AbortController();
    const aborted = client.request('health', {}, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    expect(await codeOf(client.request('health', {}, { timeout: 50 }))).toBe('NO_SERVER');
    expect(client.statistics.queued).toBe(0);
  });

  it('gives up after too many attempts, then refuses at once, and connects again on reconnect()', async () => {
    const live = await stage.serve('a', 'web');
    const client = await stage.connect(live.endpoint, { attempts: 2 });
    await live.stop();
    const waiting = codeOf(client.stop('web'));
    expect(await waiting).toBe('NO_SERVER');
    await expect.poll(() => stateOf(client)).toBe('failed');
    expect(await codeOf(client.health())).toBe('NO_SERVER');
    await stage.serve('a', 'web');
    client.reconnect();
    expect(await client.health()).toMatchObject({ healthy: true });
    expect(stateOf(client)).toBe('connected');
  });

  it('rejects everything when it is closed', async () => {
    const live = await stage.serve('a', 'web');
    const client = await stage.connect(live.endpoint);
    await live.stop();
    await expect.poll(() => stateOf(client)).toBe('reconnecting');
    const waiting = codeOf(client.stop('web'));
    await client.close();
    expect(await waiting).toBe('CLIENT_CLOSED');
    expect(await codeOf(client.health())).toBe('CLIENT_CLOSED');
    expect(stateOf(client)).toBe('disconnected');
  });
});

describe('a request of a client', () => {
  it('carries its deadline, and a generated key when it starts or ends something', async () => {
    const server = await ScriptedServer.start();
    for (const name of ['health', 'stop', 'spawn', 'send']) server.answers[name] = () => ({ bytes: 0 });
    const client = await stage.connect(server.endpoint);
    await client.request('health', {}, { timeout: 5_000 });
    await client.stop('web');
    await client.spawn({ id: 'a', command: ['a'] }, { timeout: 1_000, idempotencyKey: 'mine' });
    await client.send('web', 'text');
    const [health, stop, spawn, send] = server.requests.slice(1) as { [key: string]: unknown }[];
    expect(health).toMatchObject({ idempotency_key: null });
    expect(health?.deadline).toBeGreaterThan(0);
    expect(health?.deadline).toBeLessThanOrEqual(5_000);
    expect(stop).toMatchObject({ deadline: null, idempotency_key: expect.stringMatching(/^.{10,}$/) });
    expect(spawn).toMatchObject({ idempotency_key: 'mine' });
    expect(send).toMatchObject({ idempotency_key: null });
    await client.close();
    await server.close();
  });

  it('is held back where more is in flight than the window allows, in order', async () => {
    const server = await ScriptedServer.start();
    const client = await stage.connect(server.endpoint, { window: 2 });
    const answers = ['a', 'b', 'c'].map((agent) => client.status(agent));
    await expect.poll(() => server.asked('status').length).toBe(2);
    expect(client.statistics).toMatchObject({ queued: 1, inFlight: 2 });
    const [first] = server.asked('status');
    server.answer(first?.request_id ?? '', { id: 'a' });
    await expect.poll(() => server.asked('status').length).toBe(3);
    for (const { request_id, params } of server.asked('status').slice(1))
      server.answer(request_id, { id: params.agent });
    expect((await Promise.all(answers)).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
    await client.close();
    await server.close();
  });

  it('is counted, and so are answers that come too late, which are dropped', async () => {
    const server = await ScriptedServer.start();
    const client = await stage.connect(server.endpoint);
    expect(await codeOf(client.request('health', {}, { timeout: 30 }))).toBe('TIMEOUT');
    const [late] = server.asked('health');
    server.answer(late?.request_id ?? '', {});
    server.answers.health = () => ({ healthy: true });
    expect(await client.health()).toEqual({ healthy: true });
    const { bytesSent, bytesReceived, ...counts } = client.statistics;
    expect(counts).toMatchObject({ messagesSent: 3, messagesReceived: 3, late: 1, errors: 0, reconnections: 0 });
    expect(counts.connectedSince).toBeLessThanOrEqual(Date.now());
    expect(Math.min(bytesSent, bytesReceived)).toBeGreaterThan(50);
    await client.close();
    await server.close();
  });

  it('calls onAccepted when the server has accepted a long request', async () => {
    const live = await stage.serve('a', 'web');
    const client = await stage.connect(live.endpoint);
    let release = () => {};
    live.tree.member('web').hold = new Promise((resolve) => {
      release = resolve;
    });
    await new Promise<void>((resolve, reject) => {
      client.stop('web', { onAccepted: resolve }).then(() => reject(new Error('not told before it was done')), reject);
    });
    release();
  });
});
