import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { codeOf } from '../code-of.js';
import { Stage } from '../transport/live.js';

let stage: Stage;
let one: Awaited<ReturnType<Stage['serve']>>;
let two: Awaited<ReturnType<Stage['serve']>>;
let client: Client;

beforeEach(async () => {
  stage = await Stage.open();
  one = await stage.serve('one', 'web', 'worker', 'both');
  two = await stage.serve('two', 'job', 'both');
  client = await connect({ endpoint: [one.endpoint, two.endpoint], timeout: 5_000 });
});

afterEach(async () => {
  await client.close();
  await stage.close();
  expect(stage.failures).toEqual([]);
});

describe('a client of several servers', () => {
  it('asks the server that has the agent, by id and by uuid, and lists the agents of all', async () => {
    expect(await client.status('web')).toMatchObject({ uuid: one.tree.member('web').uuid });
    expect(await client.stop(two.tree.member('job').uuid)).toMatchObject({ id: 'job', state: 'stopped' });
    expect(two.tree.member('job').calls).toEqual(['stop']);
    expect((await client.agents()).map(({ id }) => id)).toEqual(['web', 'worker', 'both', 'job', 'both']);
  });

  it('finds no agent that no server has, and does not choose between two of one name', async () => {
    expect(await codeOf(client.status('nobody'))).toBe('AGENT_NOT_FOUND');
    const thrown: unknown = await client.status('both').catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'AGENT_AMBIGUOUS', message: expect.stringContaining(two.endpoint) });
    expect(await client.servers[1]?.status('both')).toMatchObject({ uuid: two.tree.member('both').uuid });
  });

  it('finds an agent again that has moved to another server', async () => {
    await client.status('web');
    one.tree.members.splice(0, 1);
    two.tree.join({ id: 'web', command: ['sleep', '1'] });
    expect(await client.status('web')).toMatchObject({ uuid: two.tree.member('web').uuid });
  });

  it('finds one that lives before one of the same name that is over on another server, and that one when there is no other', async () => {
    const over = one.tree.join({ id: 'task', command: ['x'], restart: 'temporary' });
    expect(await client.status('task')).toMatchObject({ uuid: over.uuid });
    over.end(0);
    one.tree.leave('task');
    expect(await client.status('task')).toMatchObject({ uuid: over.uuid, over: true });
    const living = two.tree.join({ id: 'task', command: ['x'] });
    expect(await client.status('task')).toMatchObject({ uuid: living.uuid });
    expect(await client.request('stop', { agent: 'task' })).toMatchObject({ uuid: living.uuid, state: 'stopped' });
    expect(living.calls).toEqual(['stop']);
  });

  it('spawns where the fewest agents are active, also when many are spawned at once', async () => {
    expect(await client.spawn({ id: 'first', command: ['cat'] })).toMatchObject({ id: 'first' });
    expect(two.tree.members.map((each) => each.view().id)).toEqual(['job', 'both', 'first']);
    await Promise.all(Array.from({ length: 6 }, (_, n) => client.spawn({ id: `more${n}`, command: ['cat'] })));
    expect([one.tree.members.length, two.tree.members.length]).toEqual([6, 6]);
    const config = { name: 'x', model_backend: 'cat-cli', task: 't', environment: {} };
    const full = { context: null, system_prompt: null, model: null, tool_level: null, agents: null, ...config };
    expect(await client.protocol.send({ type: 'spawn_request', config: full })).toMatchObject({ success: true });
  });

  it('sends each server its part of a batch, and puts the results in order', async () => {
    const outcome = await client.batch(['job', 'nobody', 'web', 'both'], 'get_status');
    expect(outcome).toMatchObject({
      success: false,
      successful: 2,
      failed: 2,
      results: [
        { agent: 'job', uuid: two.tree.member('job').uuid, success: true, status: 'running' },
        { agent: 'nobody', uuid: null, success: false, code: 'AGENT_NOT_FOUND' },
        { agent: 'web', success: true },
        { agent: 'both', uuid: null, code: 'AGENT_AMBIGUOUS' },
      ],
    });
  });

  it('yields the events of all servers, each with its server', async () => {
    const seen: string[] = [];
    void (async () => {
      for await (const item of client.events()) {
        seen.push(`${item.type} ${item.server === one.endpoint ? 'one' : 'two'}`);
      }
    })();
    await expect.poll(() => [...seen].sort()).toEqual(['snapshot one', 'snapshot two']);
    two.tree.member('job').move('paused');
    await expect.poll(() => seen.at(-1)).toBe('event two');
    one.tree.member('web').move('paused');
    await expect.poll(() => seen.at(-1)).toBe('event one');
  });

  it('works with those that are there', async () => {
    await one.stop();
    await expect.poll(() => client.statistics.servers[0]?.state).toBe('reconnecting');
    expect(await client.status('job')).toMatchObject({ id: 'job' });
    expect(await client.health()).toMatchObject({ agents: 2 });
    expect(await client.spawn({ id: 'new', command: ['cat'] })).toMatchObject({ path: 'root/new' });
    expect(await codeOf(client.status('web', { timeout: 200 }))).toBe('NO_SERVER');
    const late = await connect({ endpoint: [one.endpoint, two.endpoint], timeout: 5_000 });
    expect(late.statistics.servers.map(({ state }) => state)).toEqual(['reconnecting', 'connected']);
    await late.close();
    await two.stop();
    expect(await codeOf(connect({ endpoint: [one.endpoint, two.endpoint] }))).toBe('NO_SERVER');
    expect(await codeOf(connect({ endpoint: [] }))).toBe('ENDPOINT_INVALID');
  });
});
