import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { GuardedTree } from '../../src/control/access/guarded-tree.js';
import { LOCAL, type Peer } from '../../src/control/access/roles.js';
import { EndedAgents } from '../../src/control/ended-agents.js';
import { ReportFanOut } from '../../src/control/streams/report-fan-out.js';
import { pack } from '../../src/protocol/codec.js';
import { createServer, type Server } from '../../src/server/server.js';
import { FakeTree } from '../transport/fake-tree.js';
import { documentOf, subscribe } from '../transport/follower.js';
import { type Answer, ask } from '../transport/rig.js';

let directory: string;
let server: Server;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  server = await createServer({
    config: { tree: { id: 'root', children: [] }, settings: { endpoints: [`ipc://${join(directory, 'p.sock')}`] } },
    createTree: (input) => createTree(input),
    failed: (thrown) => {
      throw thrown;
    },
  });
  await server.tree.start();
});

afterEach(async () => {
  await server.stop({ brutal: true });
  await rm(directory, { recursive: true, force: true });
});

const request = (message: object) => ask(server.endpoints[0] ?? '', pack({ request_id: 'r', ...message }));

/** Spawns a program that ends by itself, waits until it is over, and gives its id. */
async function over(backend: string, task: string): Promise<unknown> {
  const config = { name: 'passing', model_backend: backend, task };
  const { agent_info: info } = await request({ type: 'spawn_request', config });
  await expect.poll(() => server.tree.agents()).toEqual([]);
  return (info as Answer).id;
}

describe('an ended agent that a client spawned', () => {
  it('can be queried by the agent protocol: its exit and its output', async () => {
    const agent_id = await over('echo-cli', 'hello');
    const command = (command_type: string, payload?: object) =>
      request({ type: 'control_command', agent_id, command_type, ...(payload && { payload }) });
    expect(await command('get_status')).toMatchObject({ success: true, status: 'completed' });
    expect(await command('read_stdout', { encoding: 'utf8' })).toMatchObject({
      success: true,
      data: { data: 'hello\n' },
    });
    expect(await command('read_stdout')).toMatchObject({ success: true, data: { data: null } });
    const query = { type: 'output_query_request', agent_id, stream: 'both' };
    expect(await request(query)).toMatchObject({ success: true, lines: ['hello'], total_lines: 1 });
    const listed = { id: agent_id, name: 'passing', status: 'completed' };
    expect(await request({ type: 'list_agents_request' })).toMatchObject({ agents: [listed] });
    expect(await request({ type: 'list_agents_request', filter_status: 'running' })).toMatchObject({ agents: [] });
  });

  it('is an instance of a pool, too, after it was stopped', async () => {
    const agent = { command: ['sh', '-c', 'echo hello; exec sleep 1000'] };
    await server.tree.supervisor().add({ id: 'workers', pool: { agent } });
    const path = await server.tree.supervisor('root/workers').add();
    const { uuid: agent_id } = server.tree.agent(path).view();
    const query = { type: 'output_query_request', agent_id, stream: 'both' };
    await expect.poll(async () => (await request(query)).lines).toEqual(['hello']);
    await server.tree.agent(path).stop();
    expect(await request(query)).toMatchObject({ success: true, lines: ['hello'] });
    const status = await request({ type: 'control_command', agent_id, command_type: 'get_status' });
    expect(status).toMatchObject({ success: true, status: 'terminated' });
  });

  it('has its end in its last status_update', async () => {
    const follower = subscribe(server.pubEndpoints[0] ?? '', '');
    try {
      const config = { name: 'passing', model_backend: 'sh-cli', task: '/nowhere' };
      const updates = () =>
        follower.frames.map(([frame]) => documentOf(frame) as Answer).filter(({ type }) => type === 'status_update');
      await expect
        .poll(async () => {
          await request({ type: 'spawn_request', config });
          return updates().map(({ data }) => data);
        })
        .toContainEqual(
          expect.objectContaining({ state: 'failed', exit: expect.objectContaining({ code: expect.any(Number) }) }),
        );
    } finally {
      await follower.close();
    }
  });

  it('was given its task and its context as they were written, whatever they look like', async () => {
    const text = '{id} {{port}} {port:web} {env:HOME} {incarnation}';
    const config = { name: 'p', model_backend: 'sh-cli', task: '-c', context: text };
    const environment = { AGENT_EXTRA_ARGS: 'printenv', CONTEXT: text };
    expect(await request({ type: 'spawn_request', config: { ...config, environment } })).toMatchObject({
      success: true,
    });
    await expect.poll(() => server.tree.agents()).toEqual([]);
    const { data } = await request({ type: 'tree_request', operation: 'logs', params: { agent: 'p' } });
    const lines = (data as { lines: { text: string }[] }).lines.map((line) => line.text.trim());
    expect(lines).toEqual(expect.arrayContaining([`AGENT_CONTEXT=${text}`, `CONTEXT=${text}`]));
    const echoed = await over('echo-cli', text);
    const query = { type: 'output_query_request', agent_id: echoed, stream: 'stdout' };
    expect(await request(query)).toMatchObject({ lines: [text] });
  });

  it('is stopped already, and cannot be given anything else to do', async () => {
    const agent_id = await over('sh-cli', '/nowhere');
    const command = (command_type: string) => request({ type: 'control_command', agent_id, command_type });
    expect(await command('stop')).toMatchObject({ success: true, status: 'failed' });
    expect(await command('kill')).toMatchObject({ success: true, status: 'failed' });
    for (const command_type of ['pause', 'resume', 'write_stdin']) {
      const payload = command_type === 'write_stdin' ? { data: '' } : {};
      expect(await request({ type: 'control_command', agent_id, command_type, payload })).toMatchObject({
        success: false,
        status: 'failed',
        code: 'INVALID_STATE',
      });
    }
  });

  it('gets no command by its name, which may belong to another agent by now', async () => {
    await over('echo-cli', 'hello');
    const operate = (operation: string, params: object) => request({ type: 'tree_request', operation, params });
    const { data } = await operate('status', { agent: 'passing' });
    const { uuid, over: isOver } = data as Answer;
    expect(isOver).toBe(true);
    for (const agent of ['passing', 'root/passing']) {
      expect(await operate('stop', { agent })).toMatchObject({ success: false, code: 'AGENT_NOT_FOUND' });
    }
    expect(await operate('stop', { agent: uuid })).toMatchObject({ success: true, data: { state: 'completed' } });
  });

  it('is found by the operations of supertree as well, with its exit, and is in no list of living agents', async () => {
    await over('sh-cli', '/nowhere');
    const operate = (operation: string, params: object = {}) => request({ type: 'tree_request', operation, params });
    expect(await operate('status', { agent: 'passing' })).toMatchObject({
      data: { path: 'root/passing', state: 'failed', restart: 'temporary', exit: { code: expect.any(Number) } },
    });
    expect(await operate('logs', { agent: 'root/passing' })).toMatchObject({
      data: { lines: [{ stream: 'stderr', text: expect.stringContaining('/nowhere') }] },
    });
    expect(await operate('ps')).toMatchObject({ data: [] });
    expect(await operate('health')).toMatchObject({ data: { agents: 0 } });
  });
});

describe('the kept agents', () => {
  const temporary = (id: string) => ({ id, command: ['x'], restart: 'temporary' }) as const;

  const followed = (tree: FakeTree, forgotten: (uuid: string) => void = () => {}) => {
    const ended = new EndedAgents(forgotten);
    new ReportFanOut(tree, (thrown) => expect.unreachable(String(thrown))).add(ended);
    return ended;
  };
  const guarded = (tree: FakeTree, ended: EndedAgents, peer: Peer) => {
    const seen = new GuardedTree(tree, ended, peer);
    return { agent: (ref: string) => seen.agent(ref, 'observe') };
  };

  it('are the last thousand agents, and only those that have ended', () => {
    const tree = new FakeTree();
    const forgotten: string[] = [];
    const ended = followed(tree, (uuid) => forgotten.push(uuid));
    const uuids = Array.from({ length: 1_001 }, (_, n) => {
      const agent = tree.join(temporary(`a${n}`));
      agent.end(0);
      tree.leave(`a${n}`);
      return agent.uuid;
    });
    expect(forgotten).toEqual([uuids[0]]);
    expect(ended.views()).toHaveLength(1_000);
    tree.join(temporary('never'));
    tree.leave('never');
    tree.join({ id: 'kept', command: ['x'] }).end(0);
    tree.leave('kept');
    expect(ended.views().map(({ id }) => id)).not.toEqual(expect.arrayContaining(['never', 'kept']));
  });

  it('are found after the living ones, by path, id and uuid, the latest first', () => {
    const tree = new FakeTree();
    const both = guarded(tree, followed(tree), LOCAL);
    const [first, second] = [0, 1].map(() => {
      const agent = tree.join(temporary('a'));
      agent.end(1);
      tree.leave('a');
      return agent;
    });
    expect(both.agent('a').uuid).toBe(second?.uuid);
    expect(both.agent('root/a').uuid).toBe(second?.uuid);
    expect(both.agent(first?.uuid.toUpperCase() ?? '').uuid).toBe(first?.uuid);
    const living = tree.join(temporary('a'));
    expect(both.agent('a').uuid).toBe(living.uuid);
    expect(() => both.agent('b')).toThrowError(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }));
  });

  it('do not hide a supervisor that has the path by now, nor agents that a peer may know', () => {
    const tree = new FakeTree();
    const ended = followed(tree);
    tree.join(temporary('a')).end(0);
    tree.leave('a');
    const nobody = guarded(tree, ended, { name: 'elsewhere', grants: [{ roles: ['observe'], subtree: 'root/b' }] });
    expect(() => nobody.agent('a')).toThrowError(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }));
    const both = guarded(tree, ended, LOCAL);
    expect(both.agent('a').path).toBe('root/a');
    const supervisor = tree.supervisor.bind(tree);
    tree.supervisor = (path) => (path === 'root/a' ? { ...supervisor(), path } : supervisor(path));
    expect(() => both.agent('a')).toThrowError(expect.objectContaining({ code: 'AGENT_NOT_FOUND' }));
  });
});
