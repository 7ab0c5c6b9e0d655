import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import type { AgentState } from '../../src/model/agent.js';
import { pack, unpack } from '../../src/transport/codec.js';
import { decode } from '../../src/transport/decode.js';
import { answer } from '../../src/transport/requests.js';
import type { FakeAgent } from './fake-tree.js';
import { type Answer, createRig, type Rig } from './rig.js';

let rig: Rig;
let web: FakeAgent;

beforeEach(async () => {
  rig = await createRig();
  web = rig.tree.member('web');
});

afterEach(() => rig.close());

/** One message through the whole of the server but its socket. */
async function request(message: unknown, interim: Answer[] = []): Promise<Answer> {
  const bytes = await answer(rig.service, pack(message), (word) => interim.push(unpack(word) as Answer));
  // Every answer must be readable by the table that it was written from.
  expect(decode(bytes)).toMatchObject({ ok: true });
  return unpack(bytes) as Answer;
}

const control = (command_type: string, payload: unknown = null) =>
  request({ type: 'control_command', request_id: 'c', agent_id: web.uuid, command_type, payload });

const operate = (operation: string, params: object = {}, more: object = {}, interim: Answer[] = []) =>
  request({ type: 'tree_request', request_id: 't', operation, params, ...more }, interim);

describe('control_command', () => {
  it('pauses cooperatively unless it is told to force, and says which', async () => {
    expect(await control('pause')).toMatchObject({
      success: true,
      status: 'paused',
      data: { paused: true, mode: 'cooperative' },
    });
    expect(await control('pause', { force: true })).toMatchObject({
      status: 'paused',
      data: { paused: true, mode: 'forced' },
    });
    expect(await control('resume')).toMatchObject({ success: true, status: 'running', data: { resumed: true } });
    expect(web.calls).toEqual(['pause cooperative', 'pause forced', 'resume']);
  });

  it.each(['stop', 'kill'])('answers a %s only when the agent is gone', async (command) => {
    let release = () => {};
    web.hold = new Promise((resolve) => {
      release = resolve;
    });
    let answered = false;
    const pending = control(command).finally(() => {
      answered = true;
    });
    await expect.poll(() => web.state).toBe('stopping');
    expect(answered).toBe(false);
    release();
    expect(await pending).toMatchObject({ success: true, status: 'terminated', data: null, error: null });
    expect(web.calls).toEqual([command]);
  });

  it('answers a stop of an agent that is removed at its end', async () => {
    const pending = control('stop');
    await rig.tree.supervisor().delete('web');
    expect(await pending).toMatchObject({ success: true, status: 'terminated' });
  });

  it('writes base64, UTF-8 text, integers and bytes to standard input', async () => {
    const data = [
      { data: 'aGkK' },
      { data: 'hä\n', encoding: 'utf8' },
      { data: [104, 200] },
      { data: Buffer.from([0, 255]) },
    ];
    const counts = [];
    for (const payload of data) counts.push((await control('write_stdin', payload)).data);
    expect(counts).toEqual([{ bytes_written: 3 }, { bytes_written: 4 }, { bytes_written: 2 }, { bytes_written: 2 }]);
    expect(Buffer.concat(web.written)).toEqual(Buffer.from([104, 105, 10, 104, 0xc3, 0xa4, 10, 104, 200, 0, 255]));
  });

  it.each([
    [{ data: 'no base64!' }, 'payload.data must be base64 unless encoding is "utf8"'],
    [{ data: [256] }, 'payload.data must be a string or a list of bytes'],
    [null, 'payload.data must be a string or a list of bytes, got nothing'],
    [{ data: 'x', encoding: 'rot13' }, 'payload.encoding must be base64 or utf8'],
    ['text', 'payload must be a map'],
  ])('refuses to write %j', async (payload, problem) => {
    const reply = await control('write_stdin', payload);
    expect(reply).toMatchObject({ success: false, code: 'MESSAGE_INVALID', error: expect.stringContaining(problem) });
    expect(web.written).toEqual([]);
  });

  it('reads line by line behind a cursor of its own, and destroys nothing', async () => {
    for (const line of ['one\n', 'two\n']) web.print('stdout', line);
    web.print('stderr', Buffer.from([0xff, 10]));
    expect(await control('read_stdout')).toMatchObject({
      data: { data: 'b25lCg==', bytes: 4, encoding: 'base64', seq: 0 },
    });
    expect(await control('read_stdout', { encoding: 'utf8' })).toMatchObject({
      data: { data: 'two\n', bytes: 4, seq: 1 },
    });
    const empty = { data: null, bytes: 0, message: 'No data available in stdout buffer' };
    expect(await control('read_stdout')).toMatchObject({ success: true, data: empty });
    web.print('stdout', 'three\n');
    expect(await control('read_stdout', { encoding: 'utf8' })).toMatchObject({ data: { data: 'three\n' } });
    expect(await control('read_stderr')).toMatchObject({ data: { data: '/wo=', bytes: 2 } });
    const everything = {
      stdout: ['one\n', 'two\n', 'three\n'],
      stderr: ['\uFFFD\n'],
      stdout_lines: 3,
      stderr_lines: 1,
    };
    expect(await control('query_output')).toMatchObject({ data: everything });
    expect(await control('query_output', { max_lines: 1, stderr: false })).toMatchObject({
      data: { stdout: ['three\n'], stderr: [] },
    });
  });

  it('tells the status in both spellings and our own state beside them', async () => {
    web.state = 'stopping';
    expect(await control('get_status')).toMatchObject({
      status: 'running',
      data: { status: 'Running', state: 'stopping', detail: 'stopping.asking' },
    });
  });

  it.each([
    ['int', 'int'],
    ['INTERRUPT', 'SIGINT'],
    ['terminate', 'SIGTERM'],
    ['force_pause', 'SIGSTOP'],
    ['continue', 'SIGCONT'],
    ['usr1', 'usr1'],
  ])('passes on the signal %s as %s', async (given, sent) => {
    expect(await control('signal', { signal: given })).toMatchObject({ success: true, data: { signal_sent: given } });
    expect(web.calls).toEqual([`signal ${sent}`]);
  });

  it('runs the built-in actions and tells no environment', async () => {
    expect(await control('custom_action', { action: 'echo', params: { x: 1 } })).toMatchObject({
      data: { action: 'echo', result: { x: 1 } },
    });
    expect(await control('custom_action', { action: 'ping' })).toMatchObject({
      data: { result: 'pong', agent_id: web.uuid },
    });
    const { data } = await control('custom_action', { action: 'get_env' });
    expect(data).toEqual({
      action: 'get_env',
      result: { status: 'Running', name: 'web', agent_id: web.uuid, last_status_update_secs: 1_700_000_000 },
    });
    expect(await control('custom_action', { action: 'fly' })).toMatchObject({
      success: false,
      code: 'COMMAND_UNKNOWN',
    });
    expect(await control('custom_action')).toMatchObject({ success: false, code: 'MESSAGE_INVALID' });
  });

  it('says that nothing is streamed where there is no pub endpoint, and where there is one', async () => {
    expect(await control('stream_logs')).toMatchObject({
      success: false,
      code: 'UNSUPPORTED',
      error: expect.stringContaining('no pub endpoint is configured'),
    });
    const other = await createRig({ pubEndpoint: 'tcp://127.0.0.1:5556' });
    const { uuid } = other.tree.member('web');
    const bytes = await answer(other.service, pack(['control_command', 'r', uuid, 'stream_logs']), () => {});
    expect(unpack(bytes)).toMatchObject({
      success: true,
      data: { pub_endpoint: 'tcp://127.0.0.1:5556', topic: uuid, enabled: true },
    });
    await other.close();
  });

  it('answers with the error of the tree, its code, its remedy and the true status', async () => {
    web.refuse = new SupertreeError('ZOMBIE', { agent: 'root/web', blockers: 'pid 7 (D) dd' });
    web.state = 'zombie';
    expect(await control('kill')).toMatchObject({
      success: false,
      status: 'failed',
      data: null,
      error: 'root/web cannot be ended: pid 7 (D) dd.',
      code: 'ZOMBIE',
      remedy: expect.stringContaining('by hand'),
    });
  });

  it.each<[AgentState, string]>([
    ['spawning', 'initializing'],
    ['running', 'running'],
    ['paused', 'paused'],
    ['stopping', 'running'],
    ['zombie', 'failed'],
    ['failed', 'failed'],
    ['completed', 'completed'],
    ['stopped', 'terminated'],
  ])('tells %s as %s', async (state, status) => {
    web.state = state;
    expect(await control('get_status')).toMatchObject({ status });
  });
});

describe('spawn_request', () => {
  const spawn = (config: object, more: object = {}) =>
    request({ type: 'spawn_request', request_id: 's', config, ...more });
  const sleep = {
    name: 'my agent',
    model_backend: 'sleep-cli',
    task: '100',
    environment: { TOKEN: 'hunter2', AGENT_EXTRA_ARGS: ' -v  --x ' },
    context: 'c',
  };

  it('adds a temporary agent with the command line of its backend, and tells it with all that it was given', async () => {
    const reply = await spawn(sleep, { metadata: { team: 'blue' } });
    const { input, uuid } = rig.tree.member('my-agent');
    expect(input).toMatchObject({
      restart: 'temporary',
      command: ['sleep', '100', '-v', '--x'],
      env: { TOKEN: 'hunter2', AGENT_CONTEXT: 'c' },
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

  it('never repeats an environment value, wherever it is asked', async () => {
    await spawn(sleep);
    const { uuid } = rig.tree.member('my-agent');
    const everything = [
      await request({ type: 'list_agents_request', request_id: 'l' }),
      await request({
        type: 'control_command',
        request_id: 'c',
        agent_id: uuid,
        command_type: 'custom_action',
        payload: { action: 'get_env' },
      }),
      await operate('ps', { usage: true }),
      await operate('tree'),
      await operate('status', { agent: 'my-agent' }),
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
    expect(refused[0]).toMatchObject({ error: 'Maximum agent limit reached: 10.', code: 'AGENT_LIMIT' });
    expect(rig.tree.members).toHaveLength(10);
  });

  it('refuses a backend that names no program', async () => {
    expect(await spawn({ name: 'a', model_backend: 'gpt', task: 't' })).toMatchObject({
      success: false,
      agent_info: null,
      code: 'BACKEND_UNKNOWN',
      error: 'Unsupported model backend for process spawning: gpt.',
    });
  });

  it('answers TIMEOUT when timeout_secs are over before it is ready', async () => {
    rig.tree.adding = new Promise(() => {});
    expect(await spawn(sleep, { timeout_secs: 0 })).toMatchObject({ success: false, code: 'TIMEOUT' });
  });
});

describe('list_agents_request and health_check_request', () => {
  it('lists by status and up to a limit', async () => {
    web.state = 'paused';
    const list = (filter_status: string | null, limit: number | null = null) =>
      request(['list_agents_request', 'l', filter_status, limit]);
    expect(await list(null)).toMatchObject({ success: true, agents: [{ name: 'web' }, { name: 'worker' }] });
    expect(await list('Paused')).toMatchObject({
      agents: [{ name: 'web', status: 'paused', paused_at: [1_700_000_001, 0] }],
    });
    expect(await list(null, 1)).toMatchObject({ agents: [{ name: 'web' }] });
    expect(await list('failed')).toMatchObject({ success: true, agents: [] });
  });

  it('tells the health of the server and counts agents that are not over', async () => {
    web.state = 'completed';
    expect(await request(['health_check_request', 'h'])).toMatchObject({
      healthy: true,
      protocol_version: '1.0.0',
      active_agents: 1,
      metadata: { server_id: 'server-test', max_agents: '10', version: '0.0.0', endpoint: `${rig.ipc},${rig.tcp}` },
    });
    await rig.tree.stop();
    expect(await request(['health_check_request', 'h'])).toMatchObject({ healthy: false });
  });
});

describe('tree_request', () => {
  it('answers every way of looking', async () => {
    expect(await operate('ps')).toMatchObject({
      success: true,
      data: [{ path: 'root/web', usage: null }, { path: 'root/worker' }],
    });
    expect(await operate('ps', { usage: true })).toMatchObject({
      data: [{ usage: { cpu: 1.5, memory: 5_000_000_000n } }, {}],
    });
    expect(await operate('tree', { usage: true })).toMatchObject({
      data: { id: 'root', children: [{ kind: 'agent', id: 'web', usage: { cpu: 1.5 } }, {}] },
    });
    expect(await operate('status', { agent: web.uuid })).toMatchObject({
      data: { path: 'root/web', since: 1_700_000_000_123n },
    });
    expect(await operate('health')).toMatchObject({
      data: { healthy: true, agents: 2, states: { running: 2 }, maxAgents: 10 },
    });
    expect(await operate('which_children')).toMatchObject({ data: [{ id: 'web', phase: 'up' }, {}] });
    expect(await operate('count_children')).toMatchObject({ data: { specs: 2, workers: 2 } });
  });

  it.each(['start', 'stop', 'kill', 'restart', 'pause', 'resume'])(
    '%s waits until it is true and answers with the row',
    async (operation) => {
      expect(await operate(operation, { agent: 'web' })).toMatchObject({
        success: true,
        data: { path: 'root/web', state: web.state },
      });
      expect(web.calls).toEqual([operation === 'pause' ? 'pause forced' : operation]);
    },
  );

  it('answers at acceptance without wait, and still refuses what is refused at once', async () => {
    web.hold = new Promise(() => {});
    expect(await operate('stop', { agent: 'web', wait: false })).toMatchObject({
      success: true,
      data: { state: 'stopping' },
    });
    web.refuse = new SupertreeError('INVALID_STATE', { command: 'pause', agent: 'web', state: 'stopping' });
    expect(await operate('pause', { agent: 'web', wait: false })).toMatchObject({
      success: false,
      code: 'INVALID_STATE',
    });
  });

  it('tells a failure that comes after acceptance to the log', async () => {
    let fail: (reason: unknown) => void = () => {};
    web.hold = new Promise((_resolve, reject) => {
      fail = reject;
    });
    await operate('stop', { agent: 'web', wait: false });
    const error = new SupertreeError('ZOMBIE', { agent: 'web', blockers: 'pid 1' });
    fail(error);
    await expect.poll(() => rig.failures).toEqual([error]);
  });

  it('sends progress before the answer when it is asked to, for this agent alone', async () => {
    const interim: Answer[] = [];
    let release = () => {};
    web.hold = new Promise((resolve) => {
      release = resolve;
    });
    const pending = operate('stop', { agent: 'web' }, { progress: true }, interim);
    await expect.poll(() => interim).toHaveLength(1);
    rig.tree.member('worker').move('failed');
    release();
    await pending;
    web.move('running');
    expect(interim).toEqual([
      { type: 'tree_progress', request_id: 't', path: 'root/web', state: 'stopping', detail: 'stopping.asking' },
      { type: 'tree_progress', request_id: 't', path: 'root/web', state: 'stopped', detail: 'stopped' },
    ]);
    const silent: Answer[] = [];
    await operate('restart', { agent: 'web' }, {}, silent);
    expect(silent).toEqual([]);
  });

  it('spawns, sends, reads and signals', async () => {
    const spec = { id: 'new', command: ['cat'], env: { KEY: 'value' } };
    expect(await operate('spawn', { spec })).toMatchObject({
      success: true,
      data: { path: 'root/new', command: ['cat'] },
    });
    expect(await operate('send', { agent: 'new', data: 'hi\n', end: true })).toMatchObject({ data: { bytes: 3 } });
    const made = rig.tree.member('new');
    expect(made.inputEnded).toBe(true);
    made.print('stdout', 'fine\n');
    made.print('stdout', Buffer.from([0xff]));
    expect(await operate('logs', { agent: 'new', stream: 'stdout' })).toMatchObject({
      data: {
        lines: [
          { seq: 0, text: 'fine\n' },
          { seq: 1, text: '\uFFFD', bytes: Buffer.from([0xff]) },
        ],
        dropped: 0,
        next: { stdout: 2, stderr: 0 },
      },
    });
    expect(await operate('logs', { agent: 'new', last: 1 })).toMatchObject({ data: { lines: [{ seq: 1 }] } });
    expect(await operate('signal', { agent: 'new', signal: 'HUP' })).toMatchObject({
      success: true,
      data: { path: 'root/new' },
    });
  });

  it.each([
    ['an invalid spec with every problem', 'spawn', { spec: { id: '1x', command: [] } }, 'SPEC_INVALID'],
    ['a task, which cannot come over the wire', 'spawn', { spec: { id: 'x', task: {} } }, 'SPEC_INVALID'],
    ['a supervisor', 'spawn', { spec: { id: 'x', children: [] } }, 'MESSAGE_INVALID'],
    [
      'a parent that is not there',
      'spawn',
      { spec: { id: 'x', command: ['a'] }, parent: 'root/no' },
      'SUPERVISOR_NOT_FOUND',
    ],
    ['an agent that is not there', 'status', { agent: 'nobody' }, 'AGENT_NOT_FOUND'],
    ['no agent at all', 'stop', {}, 'MESSAGE_INVALID'],
    ['an unknown stream', 'logs', { agent: 'web', stream: 'stdin' }, 'MESSAGE_INVALID'],
  ])('refuses %s', async (_title, operation, params, code) => {
    const before = rig.tree.agents();
    expect(await operate(operation, params)).toMatchObject({
      success: false,
      data: null,
      code,
      error: expect.any(String),
    });
    expect(rig.tree.agents()).toEqual(before);
  });

  it('administers children', async () => {
    expect(await operate('add_child', { spec: { id: 'extra', command: ['true'] } })).toMatchObject({
      data: { path: 'root/extra' },
    });
    expect(await operate('terminate_child', { id: 'extra' })).toMatchObject({ data: { path: 'root/extra' } });
    expect(await operate('restart_child', { id: 'extra', path: 'root' })).toMatchObject({
      data: { path: 'root/extra' },
    });
    expect(await operate('delete_child', { id: 'extra' })).toMatchObject({ data: { path: 'root/extra' } });
    expect(rig.tree.members).toHaveLength(2);
  });

  it('counts the agents of a whole branch before it is added', async () => {
    const children = Array.from({ length: 9 }, (_, index) => ({ id: `a${index}`, command: ['true'] }));
    expect(await operate('add_child', { spec: { id: 'branch', children } })).toMatchObject({
      success: false,
      code: 'AGENT_LIMIT',
    });
  });

  it('answers with an error when the answer itself would be too large', async () => {
    web.print('stdout', Buffer.alloc(11_000_000, 'x'));
    expect(await operate('logs', { agent: 'web' })).toMatchObject({ success: false, code: 'MESSAGE_TOO_LARGE' });
  });
});
