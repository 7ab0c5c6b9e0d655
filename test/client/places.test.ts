import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { SupertreeError } from '../../src/errors.js';
import { codeOf } from '../code-of.js';
import { Stage } from '../transport/live.js';
import { ScriptedServer } from '../transport/scripted.js';

let stage: Stage;
const clients: Client[] = [];
const scripted: ScriptedServer[] = [];

beforeEach(async () => {
  stage = await Stage.open();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  for (const server of scripted.splice(0)) await server.close();
  await stage.close();
  expect(stage.failures).toEqual([]);
});

async function connected(endpoint: readonly string[], patience = 30_000): Promise<Client> {
  const client = await connect({ endpoint, timeout: 5_000, patience });
  clients.push(client);
  return client;
}

describe('a request without an agent, with several servers', () => {
  it('goes to the server that has the child', async () => {
    const one = await stage.serve('one', 'web', 'both');
    const two = await stage.serve('two', 'job', 'both');
    const client = await connected([one.endpoint, two.endpoint]);
    for (const [id, { tree }] of [['web', one] as const, ['job', two] as const]) {
      await client.request('terminate_child', { id });
      await client.request('restart_child', { path: 'root', id });
      expect(tree.member(id).calls).toEqual(['stop', 'restart']);
      await client.request('delete_child', { id });
      expect(tree.agents().map((view) => view.id)).toEqual(['both']);
    }
    expect(await codeOf(client.request('delete_child', { id: 'nobody' }))).not.toBe('done');
  });

  it('is refused when it would change something on an ambiguous server, and is sent to any otherwise', async () => {
    const one = await stage.serve('one', 'both');
    const two = await stage.serve('two', 'both');
    const client = await connected([one.endpoint, two.endpoint]);
    const thrown: unknown = await client.request('terminate_child', { id: 'both' }).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: 'SERVER_AMBIGUOUS', message: expect.stringContaining(two.endpoint) });
    const spec = { id: 'new', command: ['cat'] };
    expect(await codeOf(client.request('add_child', { spec }))).toBe('SERVER_AMBIGUOUS');
    expect([...one.tree.member('both').calls, ...two.tree.member('both').calls]).toEqual([]);
    expect(await client.request('which_children', {})).toMatchObject([{ id: 'both' }]);
    expect(await client.request('count_children', { path: 'root' })).toMatchObject({ specs: 1 });
  });

  it('is spawned where its parent is, and of several there where the fewest agents are', async () => {
    const [one, two] = [await script(), await script()];
    one.answers.which_children = ({ path }) => {
      if (path === 'root/pool') return [];
      throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path });
    };
    two.answers.which_children = ({ path }) => {
      throw new SupertreeError('SUPERVISOR_NOT_FOUND', { path });
    };
    for (const server of [one, two]) server.answers.spawn = ({ parent }) => ({ path: `${String(parent)}/a` });
    const client = await connected([two.endpoint, one.endpoint]);
    for (let times = 0; times < 3; times++) await client.spawn({ id: 'a', command: ['a'] }, { parent: 'root/pool' });
    expect([one.asked('spawn').length, two.asked('spawn').length]).toEqual([3, 0]);
    const [busy, idle] = [await stage.serve('busy', 'a', 'b', 'c'), await stage.serve('idle', 'd')];
    const other = await connected([busy.endpoint, idle.endpoint]);
    await other.spawn({ id: 'new', command: ['cat'] }, { parent: 'root' });
    expect(idle.tree.agents().map(({ id }) => id)).toEqual(['d', 'new']);
  });
});

describe('an agent that no server has, while one is away', () => {
  it('is waited for as one that is known would be', async () => {
    const one = await stage.serve('one', 'web');
    const two = await stage.serve('two', 'job');
    const client = await connected([one.endpoint, two.endpoint]);
    await one.stop();
    await expect.poll(() => client.statistics.servers[0]?.state).toBe('reconnecting');
    const asked = [client.stop('web'), client.request('terminate_child', { id: 'web' }), client.action('web', 'ping')];
    const logs = client.logs('web', { follow: true });
    const first = logs.next();
    expect(await client.status('job')).toMatchObject({ id: 'job' });
    const again = await stage.serve('one', 'web');
    again.tree.member('web').print('stdout', 'hello\n');
    expect(await Promise.all(asked)).toMatchObject([{ state: 'stopped' }, {}, {}]);
    expect(await first).toMatchObject({ value: { text: 'hello\n' } });
    await logs.return?.();
  });

  it('is unknown when that takes too long, and nowhere when all were asked', async () => {
    const one = await stage.serve('one', 'web');
    const two = await stage.serve('two', 'job');
    const client = await connected([one.endpoint, two.endpoint], 300);
    await one.stop();
    await expect.poll(() => client.statistics.servers[0]?.state).toBe('reconnecting');
    expect(await codeOf(client.status('web'))).toBe('NO_SERVER');
    expect(await codeOf(client.status('job'))).toBe('done');
    await stage.serve('one', 'web');
    await expect.poll(() => client.statistics.servers[0]?.state).toBe('connected');
    expect(await codeOf(client.status('nobody'))).toBe('AGENT_NOT_FOUND');
  });
});

describe('one server under two endpoints', () => {
  it('is one server, by whichever endpoint it can be reached', async () => {
    const { server } = await stage.serve('one', 'web', 'worker');
    const two = await stage.serve('two', 'job');
    expect(server.endpoints).toHaveLength(2);
    const client = await connected([...server.endpoints, two.endpoint]);
    expect((await client.agents()).map(({ id }) => id)).toEqual(['web', 'worker', 'job']);
    expect(await client.stop('web')).toMatchObject({ state: 'stopped' });
    expect(await client.request('terminate_child', { id: 'worker' })).toEqual({ path: 'root/worker' });
    expect(client.servers).toHaveLength(3);
    const items = client.events();
    const servers = [(await items.next()).value?.server, (await items.next()).value?.server];
    expect(servers.sort()).toEqual([server.endpoints[0], two.endpoint].sort());
    await items.return?.();
  });
});

describe('a key that may command agents and not look at them', () => {
  const forbidden = () => {
    throw new SupertreeError('FORBIDDEN', { role: 'observe', subtree: 'root/web' });
  };

  it('commands them on several servers without the role observe', async () => {
    const [one, two] = [await script(), await script()];
    one.answers.status = ({ agent }) => {
      throw new SupertreeError('AGENT_NOT_FOUND', { agent });
    };
    two.answers.status = forbidden;
    two.answers.stop = () => ({ id: 'web', state: 'stopped' });
    const client = await connected([one.endpoint, two.endpoint]);
    expect(await client.stop('web')).toMatchObject({ state: 'stopped' });
    expect([one.asked('stop').length, two.asked('stop').length]).toEqual([0, 1]);
  });

  it('commands them in a batch, by their names', async () => {
    const server = await script();
    server.answers.status = forbidden;
    server.answers.stop = ({ agent }) => {
      if (agent === 'bad') forbidden();
      return { id: agent, uuid: `uuid of ${String(agent)}`, state: 'stopped' };
    };
    const client = await connected([server.endpoint]);
    const outcome = await client.batch(['web', 'bad'], 'stop');
    expect(outcome).toMatchObject({
      success: false,
      results: [
        { agent: 'web', uuid: 'uuid of web', success: true, status: 'terminated' },
        { agent: 'bad', uuid: null, success: false, code: 'FORBIDDEN' },
      ],
    });
    expect(await client.batch(['web'], 'get_status')).toMatchObject({ results: [{ code: 'FORBIDDEN' }] });
  });
});

async function script(): Promise<ScriptedServer> {
  const server = await ScriptedServer.start();
  scripted.push(server);
  return server;
}
