import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SupertreeError } from '../../src/errors.js';
import type { FakeAgent } from '../transport/fake-tree.js';
import { type Answer, createRig, operate, type Rig } from '../transport/rig.js';

let rig: Rig;
let web: FakeAgent;

beforeEach(async () => {
  rig = await createRig();
  web = rig.tree.member('web');
});

afterEach(() => rig.close());

describe('tree_request', () => {
  it('answers every query', async () => {
    expect(await operate(rig, 'ps')).toMatchObject({
      success: true,
      data: [{ path: 'root/web', usage: null }, { path: 'root/worker' }],
    });
    expect(await operate(rig, 'ps', { usage: true })).toMatchObject({
      data: [{ usage: { cpu: 1.5, memory: 5_000_000_000, measure: 'pss' } }, {}],
    });
    expect(await operate(rig, 'tree', { usage: true })).toMatchObject({
      data: { id: 'root', children: [{ kind: 'agent', id: 'web', usage: { cpu: 1.5 } }, {}] },
    });
    expect(await operate(rig, 'status', { agent: web.uuid })).toMatchObject({
      data: { path: 'root/web', since: 1_700_000_000_123 },
    });
    expect(await operate(rig, 'health')).toMatchObject({
      data: { healthy: true, agents: 2, states: { running: 2 }, maxAgents: 10 },
    });
    expect(await operate(rig, 'which_children')).toMatchObject({ data: [{ id: 'web', phase: 'up' }, {}] });
    expect(await operate(rig, 'count_children')).toMatchObject({ data: { specs: 2, workers: 2 } });
  });

  it.each(['start', 'stop', 'kill', 'restart', 'pause', 'resume'])(
    '%s waits until it is true and answers with the row',
    async (operation) => {
      expect(await operate(rig, operation, { agent: 'web' })).toMatchObject({
        success: true,
        data: { path: 'root/web', state: web.state },
      });
      expect(web.calls).toEqual([operation === 'pause' ? 'pause forced' : operation]);
    },
  );

  it('answers at acceptance without wait, and still rejects immediate refusals', async () => {
    web.hold = new Promise(() => {});
    expect(await operate(rig, 'stop', { agent: 'web', wait: false })).toMatchObject({
      success: true,
      data: { state: 'stopping' },
    });
    web.refuse = new SupertreeError('INVALID_STATE', { command: 'pause', agent: 'web', state: 'stopping' });
    expect(await operate(rig, 'pause', { agent: 'web', wait: false })).toMatchObject({
      success: false,
      code: 'INVALID_STATE',
    });
  });

  it('logs a failure that comes after acceptance', async () => {
    let fail: (reason: unknown) => void = () => {};
    web.hold = new Promise((_resolve, reject) => {
      fail = reject;
    });
    await operate(rig, 'stop', { agent: 'web', wait: false });
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
    const pending = operate(rig, 'stop', { agent: 'web' }, { progress: true }, interim);
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
    await operate(rig, 'restart', { agent: 'web' }, {}, silent);
    expect(silent).toEqual([]);
  });

  it('spawns, sends, reads and signals', async () => {
    const spec = { id: 'new', command: ['cat'], env: { KEY: 'value' } };
    expect(await operate(rig, 'spawn', { spec })).toMatchObject({
      success: true,
      data: { path: 'root/new', command: ['cat'] },
    });
    expect(await operate(rig, 'send', { agent: 'new', data: 'hi\n', end: true })).toMatchObject({ data: { bytes: 3 } });
    const made = rig.tree.member('new');
    expect(made.inputEnded).toBe(true);
    made.print('stdout', 'fine\n');
    made.print('stdout', Buffer.from([0xff]));
    expect(await operate(rig, 'logs', { agent: 'new', stream: 'stdout' })).toMatchObject({
      data: {
        lines: [
          { seq: 0, text: 'fine\n' },
          { seq: 1, text: '\uFFFD', bytes: Buffer.from([0xff]) },
        ],
        dropped: 0,
        next: { stdout: 2, stderr: 0 },
      },
    });
    expect(await operate(rig, 'logs', { agent: 'new', last: 1 })).toMatchObject({ data: { lines: [{ seq: 1 }] } });
    expect(await operate(rig, 'signal', { agent: 'new', signal: 'HUP' })).toMatchObject({
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
    expect(await operate(rig, operation, params)).toMatchObject({
      success: false,
      data: null,
      code,
      error: expect.any(String),
    });
    expect(rig.tree.agents()).toEqual(before);
  });

  it('administers children', async () => {
    expect(await operate(rig, 'add_child', { spec: { id: 'extra', command: ['true'] } })).toMatchObject({
      data: { path: 'root/extra' },
    });
    expect(await operate(rig, 'terminate_child', { id: 'extra' })).toMatchObject({ data: { path: 'root/extra' } });
    expect(await operate(rig, 'restart_child', { id: 'extra', path: 'root' })).toMatchObject({
      data: { path: 'root/extra' },
    });
    expect(await operate(rig, 'delete_child', { id: 'extra' })).toMatchObject({ data: { path: 'root/extra' } });
    expect(rig.tree.members).toHaveLength(2);
  });

  it('counts the agents of a whole branch before it is added', async () => {
    const children = Array.from({ length: 9 }, (_, index) => ({ id: `a${index}`, command: ['true'] }));
    expect(await operate(rig, 'add_child', { spec: { id: 'branch', children } })).toMatchObject({
      success: false,
      code: 'AGENT_LIMIT',
    });
  });

  it('answers with an error when the answer itself would be too large', async () => {
    web.print('stdout', Buffer.alloc(11_000_000, 'x'));
    expect(await operate(rig, 'logs', { agent: 'web' })).toMatchObject({ success: false, code: 'MESSAGE_TOO_LARGE' });
  });
});
