import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { createRig, operate, type Rig, request } from '../transport/rig.js';

let rig: Rig;

beforeEach(async () => {
  rig = await createRig();
});

afterEach(() => rig.close());

describe('spawn_request', () => {
  const spawn = (config: object, more: object = {}) =>
    request(rig, { type: 'spawn_request', request_id: 's', config, ...more });
  const sleep = {
    name: 'my agent',
    model_backend: 'sleep-cli',
    task: '100',
    environment: { TOKEN: 'hunter2', AGENT_EXTRA_ARGS: ' -v  --x ' },
    context: 'c',
  };

  it('closes the input of a backend that reads it to the end, unless the request says otherwise', async () => {
    const inputOf = async (name: string, backend: string, more: object = {}) => {
      await spawn({ name, model_backend: backend, task: 't' }, more);
      const { input } = rig.tree.member(name);
      return input.stdin;
    };
    expect(await inputOf('one', 'opencode')).toBe('closed');
    expect(await inputOf('two', 'opencode', { stdin: 'pipe' })).toBe('pipe');
    expect(await inputOf('three', 'sleep-cli')).toBe('pipe');
    expect(await inputOf('four', 'sleep-cli', { stdin: 'closed' })).toBe('closed');
    expect(await spawn(sleep, { stdin: 'open' })).toMatchObject({ success: false, code: 'MESSAGE_INVALID' });
  });

  it('adds a temporary agent with the command line of its backend, and lists it with its configuration', async () => {
    const reply = await spawn(sleep, { metadata: { team: 'blue' } });
    const { input, uuid } = rig.tree.member('my-agent');
    expect(input).toMatchObject({
      restart: 'temporary',
      command: ['sleep', '100', '{env:AGENT_EXTRA_ARG_1}', '{env:AGENT_EXTRA_ARG_2}'],
      env: { TOKEN: 'hunter2', AGENT_CONTEXT: 'c', AGENT_EXTRA_ARG_1: '-v', AGENT_EXTRA_ARG_2: '--x' },
    });
    expect(input.env).not.toHaveProperty('AGENT_EXTRA_ARGS');
    expect(input.metadata).toMatchObject({ team: 'blue', 'agent.name': 'my agent' });
    expect(reply).toMatchObject({
      type: 'spawn_response',
      success: true,
      server_id: 'server-test',
      agent_info: {
        id: Buffer.from(uuid.replaceAll('-', ''), 'hex'),
        name: 'my agent',
        status: 'running',
        model_backend: 'sleep-cli',
        task: '100',
        started_at: [1_700_000_000, 250_000],
        attach_info: null,
      },
    });
  });

  it('passes property names of Object.prototype to the tree, which refuses them, and renames none', async () => {
    const map = JSON.parse('{"__proto__":"a","__proto_":"b","constructor":"c","prototype":"d"}');
    await spawn({ ...sleep, environment: map }, { metadata: map });
    const { input } = rig.tree.member('my-agent');
    for (const [name, value] of Object.entries(map)) {
      expect(Object.entries(input.env ?? {})).toContainEqual([name, value]);
      expect(Object.entries(input.metadata ?? {})).toContainEqual([name, value]);
    }
    const tree = () => createTree({ children: [{ id: 'a', command: ['true'], env: map, metadata: map }] });
    for (const path of ['env.__proto__', 'env.constructor', 'env.prototype', 'metadata.__proto__']) {
      expect(tree).toThrow(`${path} must not have the name of something that every object has`);
    }
  });

  it('never repeats an environment value, wherever it is asked', async () => {
    await spawn(sleep);
    const { uuid } = rig.tree.member('my-agent');
    const everything = [
      await request(rig, { type: 'list_agents_request', request_id: 'l' }),
      await request(rig, {
        type: 'control_command',
        request_id: 'c',
        agent_id: uuid,
        command_type: 'custom_action',
        payload: { action: 'get_env' },
      }),
      await operate(rig, 'ps', { usage: true }),
      await operate(rig, 'tree'),
      await operate(rig, 'status', { agent: 'my-agent' }),
    ];
    expect(inspect(everything, { depth: null })).not.toContain('hunter2');
  });

  it('makes an id of any name, and a new one when it is taken', async () => {
    for (const name of ['a b', 'a b', '', '', '42', '../etc/passwd', 'x'.repeat(500), 'ünïcode']) {
      expect(await spawn({ ...sleep, name })).toMatchObject({ success: true, agent_info: { name } });
    }
    const ids = rig.tree.members.slice(2).map((agent) => agent.view().id);
    expect(ids).toEqual([
      'a-b',
      'a-b-2',
      'agent',
      'agent-2',
      'agent-42',
      'agent-.-etc-passwd',
      'x'.repeat(116),
      'agent--n-code',
    ]);
  });

  it('refuses one agent too many with the sentence of the agent protocol, also when all come at once', async () => {
    const replies = await Promise.all(Array.from({ length: 12 }, () => spawn(sleep)));
    const refused = replies.filter(({ success }) => success === false);
    expect(refused).toHaveLength(4);
    expect(refused[0]).toMatchObject({ error: 'Maximum agent limit reached: 10', code: 'AGENT_LIMIT' });
    expect(rig.tree.members).toHaveLength(10);
  });

  it('refuses a backend that names no program', async () => {
    expect(await spawn({ name: 'a', model_backend: 'gpt', task: 't' })).toMatchObject({
      success: false,
      agent_info: null,
      code: 'BACKEND_UNKNOWN',
      error:
        'Failed to spawn agent: Agent spawn failed: Unsupported model backend for process spawning: gpt. Use API mode instead.',
    });
  });

  it('bounds the life of the agent by max_runtime alone, and lists its metadata', async () => {
    const reply = await spawn(sleep, { timeout_secs: 90, max_runtime: 5_000, metadata: { team: 'blue' } });
    expect(reply).toMatchObject({ success: true, agent_info: { metadata: { team: 'blue' } } });
    expect(rig.tree.member('my-agent').input.maxRuntime).toBe(5_000);
    expect(await spawn({ ...sleep, name: 'free' }, { timeout_secs: 2n ** 53n - 1n })).toMatchObject({ success: true });
    expect(rig.tree.member('free').input.maxRuntime).toBeUndefined();
  });

  it.each(['timeout_secs', 'max_runtime'])('refuses 0 for %s', async (name) => {
    expect(await spawn(sleep, { [name]: 0 })).toMatchObject({
      success: false,
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining(`${name} must be an integer from 1`),
    });
  });

  it('answers when timeout_secs pass before the agent is ready, and stops that agent', async () => {
    rig.tree.adding = new Promise(() => {});
    expect(await spawn(sleep, { timeout_secs: 1 })).toMatchObject({
      success: false,
      code: 'START_FAILED',
      error: expect.stringMatching(/^Failed to spawn agent: .* 'sleep-cli': it was not ready within 1 s/),
    });
    expect(rig.tree.member('my-agent').calls).toEqual(['stop']);
  });
});

describe('list_agents_request and health_check_request', () => {
  it('lists by status and up to a limit', async () => {
    rig.tree.member('web').state = 'paused';
    const list = (filter_status: string | null, limit: number | null = null) =>
      request(rig, ['list_agents_request', 'l', filter_status, limit]);
    expect(await list(null)).toMatchObject({ success: true, agents: [{ name: 'web' }, { name: 'worker' }] });
    expect(await list('Paused')).toMatchObject({
      agents: [{ name: 'web', status: 'paused', paused_at: [1_700_000_001, 0] }],
    });
    expect(await list(null, 1)).toMatchObject({ agents: [{ name: 'web' }] });
    expect(await list('failed')).toMatchObject({ success: true, agents: [] });
  });

  it('answers with the health of the server and counts agents that have not ended', async () => {
    rig.tree.member('web').state = 'completed';
    expect(await request(rig, ['health_check_request', 'h'])).toMatchObject({
      healthy: true,
      protocol_version: '1.0.0',
      active_agents: 1,
      metadata: { server_id: 'server-test', max_agents: '10', version: '0.0.0', endpoint: `${rig.ipc},${rig.tcp}` },
    });
    await rig.tree.stop();
    expect(await request(rig, ['health_check_request', 'h'])).toMatchObject({ healthy: false });
  });
});
