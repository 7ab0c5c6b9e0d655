import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect, type RequestOptions } from '../../src/client/client.js';
import { Stage } from '../transport/live.js';
import { ScriptedServer } from '../transport/scripted.js';

/** Calls that are one request, or begin with a look for the agent. */
const CALLS: Readonly<Record<string, (client: Client, options: RequestOptions) => Promise<unknown>>> = {
  agents: (client, options) => client.agents(options),
  tree: (client, options) => client.tree({ usage: true, ...options }),
  status: (client, options) => client.status('web', options),
  spawn: (client, options) => client.spawn({ id: 'a', command: ['a'] }, { parent: 'root', ...options }),
  stop: (client, options) => client.stop('web', options),
  signal: (client, options) => client.signal('web', 'HUP', options),
  send: (client, options) => client.send('web', 'text', { end: true, ...options }),
  stdin: (client, options) => client.stdin('web', 'text', options),
  stdout: (client, options) => client.stdout('web', { last: 1, ...options }),
  stderr: (client, options) => client.stderr('web', options),
  logs: (client, options) => client.logs('web', { last: 1, ...options }),
  output: (client, options) => client.output('web', { limit: 1, ...options }),
  batch: (client, options) => client.batch(['web'], 'stop', options),
  action: (client, options) => client.action('web', 'echo', null, options),
  health: (client, options) => client.health(options),
  snapshot: (client, options) => client.snapshot(options),
  terminate: (client, options) => client.request('terminate_child', { id: 'web' }, options),
};

let one: ScriptedServer;
let two: ScriptedServer;
const clients: Client[] = [];

beforeEach(async () => {
  one = await ScriptedServer.start();
  two = await ScriptedServer.start();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  await one.close();
  await two.close();
});

async function connected(...servers: readonly ScriptedServer[]): Promise<Client> {
  const client = await connect({ endpoint: servers.map(({ endpoint }) => endpoint), timeout: 5_000 });
  clients.push(client);
  return client;
}

describe.each(Object.entries(CALLS))('a call of %s without an answer', (_, call) => {
  it('ends at its time, and with its signal, on one server and on two', async () => {
    for (const servers of [[one], [one, two]]) {
      const client = await connected(...servers);
      await expect(call(client, { timeout: 100 })).rejects.toMatchObject({
        code: 'TIMEOUT',
        details: { timeout: 100 },
      });
      const abort = new AbortController();
      const aborted = call(client, { signal: abort.signal });
      setImmediate(() => abort.abort(new Error('enough')));
      await expect(aborted).rejects.toThrow('enough');
    }
  });

  it('sends nothing when its signal is aborted already', async () => {
    for (const servers of [[one], [one, two]]) {
      const client = await connected(...servers);
      const { messagesSent } = client.statistics;
      await expect(call(client, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
      expect(client.statistics.messagesSent).toBe(messagesSent);
    }
  });
});

describe('a call while the server is away', () => {
  it('that ends before it could be sent gets NO_SERVER, without the note that the request continues', async () => {
    const stage = await Stage.open();
    const live = await stage.serve('a', 'web');
    const client = await connect({ endpoint: live.endpoint, timeout: 5_000, patience: 300 });
    clients.push(client);
    await live.stop();
    await expect.poll(() => client.statistics.servers[0]?.state).toBe('reconnecting');
    await expect(client.request('health', {}, { timeout: 300 })).rejects.toMatchObject({ code: 'NO_SERVER' });
    await expect(client.request('health', {}, { timeout: 50 })).rejects.toMatchObject({ code: 'NO_SERVER' });
    await stage.close();
  });
});
