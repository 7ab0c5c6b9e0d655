import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { launch, type Served, servedHere, until } from './process.js';

/** `inner` comes after `slow`, so that its agents are absent for as long as `slow` takes to become ready. */
const STACK = {
  id: 'stack',
  children: [
    {
      id: 'slow',
      command: ['sh', '-c', 'sleep 1; echo ready; exec sleep 1000'],
      readiness: { type: 'log', pattern: '^ready$' },
    },
    {
      id: 'inner',
      children: [{ id: 'app1', command: ['sh', '-c', 'echo up $SUPERTREE_INCARNATION; exec sleep 1000'] }],
    },
  ],
};

describe('a follower of an agent, over a restart of the supervisors above it', () => {
  let server: Served;
  let client: Client;

  beforeAll(async () => {
    server = await servedHere({ children: [STACK] });
    client = await connect({ endpoint: server.endpoint });
    await until(async () => (await client.status('app1')).state === 'running');
  });
  afterAll(async () => {
    await client.close();
    await server.close();
  });

  it('goes on, and ends when the agent is removed', async () => {
    const logs = launch(['logs', '-f', 'app1'], { endpoint: server.endpoint });
    await until(() => logs.out() === 'up 1\n');
    const lines = collect(client.logs('app1', { follow: true }), (item) => item.type === 'line' && item.text);
    const { uuid } = await client.status('app1');
    const stream = collect(client.protocol.stream(uuid), (message) =>
      message.type === 'status_update' ? message.status : Buffer.from(message.data).toString(),
    );
    const events = collect(
      client.events(),
      (item) => item.type === 'event' && item.path === 'root/stack/inner/app1' && item.event.type,
    );
    await until(() => lines.includes('up 1\n') && events.length > 0);

    expect((await server.supertree('restart', 'stack')).code).toBe(0);
    await until(() => logs.out() === 'up 1\nup 2\n' && lines.includes('up 2\n'));
    await until(() => stream.includes('up 2\n') && stream.includes('running') && events.includes('ready'));
    expect((await client.status('app1')).uuid).toBe(uuid);

    expect((await server.supertree('delete', '--stop', 'stack')).code).toBe(0);
    expect(await logs.finished).toMatchObject({ code: 0, out: 'up 1\nup 2\n' });
    await until(() => lines.includes('ended') && events.includes('removed'));
  });
});

/** Collects the followed items as short texts in their order, and `ended` after the last one. */
function collect<T>(items: AsyncIterable<T>, short: (item: T) => unknown): unknown[] {
  const events: unknown[] = [];
  const run = async () => {
    for await (const item of items) events.push(short(item));
    events.push('ended');
  };
  run().catch((thrown: unknown) => events.push(thrown));
  return events;
}
