import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Client, type ConnectOptions, connect } from '../../src/client/client.js';
import { codeOf } from '../code-of.js';
import { ScriptedServer } from '../transport/scripted.js';

let server: ScriptedServer;
let client: Client;

beforeEach(async () => {
  server = await ScriptedServer.start();
  server.answers.health = () => ({ healthy: true });
});

afterEach(async () => {
  await client.close();
  await server.close();
});

async function connected(options: ConnectOptions = {}): Promise<void> {
  client = await connect({ endpoint: server.endpoint, timeout: 5_000, ...options });
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** The whole process, this test among it, does nothing at all for so long. */
function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('queued requests', () => {
  it('is not sent by the abort that ends it', async () => {
    await connected({ window: 5 });
    const abort = new AbortController();
    const spawns = numbers(20).map((n) =>
      codeOf(client.spawn({ id: `a${n}`, command: ['a'] }, { signal: abort.signal })),
    );
    await expect.poll(() => server.asked('spawn').length).toBe(5);
    abort.abort('enough');
    expect(new Set(await Promise.all(spawns))).toEqual(new Set(['enough']));
    await client.health();
    expect(server.asked('spawn')).toHaveLength(5);
  });

  it('is not sent once its time is up', async () => {
    await connected({ window: 5 });
    // The window is full until after the time of those behind it.
    const timeoutOf = (index: number) => (index < 5 ? 2_000 : 100);
    const spawns = numbers(20).map((n, index) =>
      codeOf(client.spawn({ id: `a${n}`, command: ['a'] }, { timeout: timeoutOf(index) })),
    );
    expect(new Set(await Promise.all(spawns))).toEqual(new Set(['TIMEOUT']));
    await client.health();
    expect(server.asked('spawn')).toHaveLength(5);
  });

  it('counts abandoned requests until the server has answered them', async () => {
    await connected({ window: 3 });
    const abort = new AbortController();
    const given = ['a', 'b'].map((id) => codeOf(client.stop(id, { signal: abort.signal })));
    await expect.poll(() => server.asked('stop').length).toBe(2);
    abort.abort('enough');
    expect(await Promise.all(given)).toEqual(['enough', 'enough']);
    const rows = ['c', 'd'].map((id) => client.status(id));
    expect(client.statistics).toMatchObject({ inFlight: 1, queued: 1 });
    const [late] = server.asked('stop');
    server.answer(late?.request_id ?? '', {});
    await expect.poll(() => server.asked('status').length).toBe(2);
    for (const { request_id, params } of server.asked('status')) server.answer(request_id, { id: params.agent });
    expect(await Promise.all(rows)).toEqual([{ id: 'c' }, { id: 'd' }]);
  });

  it('sends one at a time when abandoned requests are never answered', async () => {
    await connected({ window: 2 });
    const abort = new AbortController();
    const given = numbers(10).map(() => codeOf(client.stop('a', { signal: abort.signal })));
    await expect.poll(() => server.asked('stop').length).toBe(2);
    abort.abort('enough');
    await Promise.all(given);
    expect(await Promise.all([client.health(), client.health()])).toMatchObject([{ healthy: true }, { healthy: true }]);
  });

  it('are not limited as requests that wait for a connection are', async () => {
    await connected({ window: 2, queue: 3 });
    const asked = numbers(50).map(() => codeOf(client.health()));
    expect(client.statistics).toMatchObject({ inFlight: 2, queued: 48 });
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['done']));
  });
});

describe('a client that did not run for so long that a server drops its answers', () => {
  it('sends repeatable requests again, and rejects the rest', async () => {
    await connected();
    const stop = client.stop('web');
    const status = client.status('web').catch((thrown: unknown) => thrown);
    await expect.poll(() => server.asked('status').length).toBe(1);
    holdUp(4_500);
    await expect.poll(() => server.asked('stop').length).toBe(2);
    expect(await status).toMatchObject({ code: 'NO_SERVER', message: expect.stringContaining('did not read') });
    const [first, again] = server.asked('stop');
    expect(again?.idempotency_key).toBe(first?.idempotency_key);
    server.answer(again?.request_id ?? '', { state: 'stopped' });
    expect(await stop).toEqual({ state: 'stopped' });
    expect(client.statistics).toMatchObject({ reconnections: 1, errors: 1 });
  });

  it('reads first the messages that have arrived meanwhile, and loses none', async () => {
    await connected();
    const health = client.health();
    holdUp(4_500);
    expect(await health).toEqual({ healthy: true });
    expect(await client.health()).toEqual({ healthy: true });
    expect(client.statistics).toMatchObject({ reconnections: 0, errors: 0 });
  });
});

describe('a client that was closed', () => {
  it('rejects waiting and later requests', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    await connected();
    const waiting = client.stop('web').catch((thrown: unknown) => thrown);
    await client.close();
    expect(await waiting).toMatchObject({ code: 'CLIENT_CLOSED', remedy: 'Call connect() again.' });
    client.reconnect();
    await client.close();
    expect(await codeOf(client.health())).toBe('CLIENT_CLOSED');
    expect(await codeOf(client.action('web', 'echo'))).toBe('CLIENT_CLOSED');
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  it('ends new iterations as it ended earlier ones', async () => {
    await connected();
    await client.close();
    expect(await client.events().next()).toEqual({ done: true, value: undefined });
    expect(await client.logs('web', { follow: true }).next()).toEqual({ done: true, value: undefined });
  });
});
