import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer } from '../../src/control/answer.js';
import { SupertreeError } from '../../src/errors.js';
import type { AgentState } from '../../src/model/agent.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import type { FakeAgent } from '../transport/fake-tree.js';
import { createRig, type Rig, request } from '../transport/rig.js';

let rig: Rig;
let web: FakeAgent;

beforeEach(async () => {
  rig = await createRig();
  web = rig.tree.member('web');
});

afterEach(() => rig.close());

const control = (command_type: string, payload: unknown = null) =>
  request(rig, { type: 'control_command', request_id: 'c', agent_id: web.uuid, command_type, payload });

describe('control_command', () => {
  it('pauses cooperatively unless the payload forces it, and answers with the mode', async () => {
    expect(await control('pause')).toMatchObject({
      success: true,
      status: 'paused',
      data: { paused: true, mode: 'cooperative' },
    });
    expect(await control('resume')).toMatchObject({ success: true, status: 'running', data: { resumed: true } });
    expect(await control('pause', { force: true })).toMatchObject({
      status: 'paused',
      data: { paused: true, mode: 'forced' },
    });
    expect(web.calls).toEqual(['pause cooperative', 'resume', 'pause forced']);
  });

  it('refuses a pause and a resume that the state forbids, in the words of the agent protocol', async () => {
    const refused = (status: string, error: string) => ({
      success: false,
      status,
      data: null,
      code: 'INVALID_STATE',
      error: `Agent execution error: ${error}`,
    });
    expect(await control('resume')).toMatchObject(refused('running', 'Agent is not paused, current status: running'));
    await control('pause');
    for (const payload of [null, { force: true }, { force: false }])
      expect(await control('pause', payload)).toMatchObject(refused('paused', 'Agent is already paused'));
    const states = [
      ['completed', 'completed', 'terminal state: completed'],
      ['failed', 'failed', 'terminal state: failed'],
      ['stopped', 'terminated', 'terminal state: terminated'],
      ['spawning', 'initializing', 'state: initializing'],
    ] as const;
    for (const [state, status, where] of states) {
      web.state = state;
      expect(await control('pause')).toMatchObject(refused(status, `Cannot pause agent in ${where}`));
      expect(await control('resume')).toMatchObject(refused(status, `Agent is not paused, current status: ${status}`));
    }
  });

  it.each([
    ['pause', [true]],
    ['pause', 'now'],
    ['stop', 3],
    ['signal', null],
    ['write_stdin', []],
    ['custom_action', null],
  ])('refuses %s with the payload %j, with the status of the agent in the answer', async (command, payload) => {
    expect(await control(command, payload)).toMatchObject({
      success: false,
      status: 'running',
      code: 'MESSAGE_INVALID',
    });
    expect(web.calls).toEqual([]);
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

  it('reads line by line with a cursor, and removes nothing', async () => {
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

  it('answers with the status in both spellings and the state beside them', async () => {
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

  it('runs the built-in actions and reveals no environment', async () => {
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
    const other = await createRig({ pubEndpoints: ['tcp://127.0.0.1:5556'] });
    const { uuid } = other.tree.member('web');
    const bytes = await answer(other.control, pack(['control_command', 'r', uuid, 'stream_logs']), () => {});
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
