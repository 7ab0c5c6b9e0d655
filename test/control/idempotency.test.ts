import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import { answer } from '../../src/control/answer.js';
import { localContext } from '../../src/control/request-context.js';
import { SupertreeError } from '../../src/errors.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { type Answer, ask, createRig, operate, type Rig, request } from '../transport/rig.js';

let rig: Rig;

beforeEach(async () => {
  rig = await createRig();
});

afterEach(async () => {
  await rig.close();
  expect(rig.failures).toEqual([]);
});

/** Keeps every command of an agent waiting until it is called. */
function holding(id: string): () => void {
  let release = () => {};
  rig.tree.member(id).hold = new Promise((resolve) => {
    release = resolve;
  });
  return release;
}

/** What a peer of this name is answered. */
async function as(name: string, message: object): Promise<Answer> {
  const peer = { name, grants: null };
  const bytes = pack({ request_id: 'r', ...message });
  return unpack(await answer(rig.control, bytes, () => {}, { ...localContext(), peer })) as Answer;
}

const spawnRequest = (request_id: string, more: object = {}) => ({
  type: 'spawn_request',
  request_id,
  config: { name: 'new', model_backend: 'sleep-cli', task: '1', environment: { A: '1', B: '2' } },
  metadata: { one: '1', two: '2' },
  idempotency_key: 'k',
  ...more,
});

describe('a request with an idempotency key', () => {
  it('is carried out once: the second one gets the same answer with its own request id, from another connection too', async () => {
    const first = await ask(rig.ipc, pack(spawnRequest('r1')));
    const second = await ask(rig.tcp, pack(spawnRequest('r2')));
    expect(first).toMatchObject({ success: true, request_id: 'r1' });
    expect(second).toEqual({ ...first, request_id: 'r2' });
    expect(rig.tree.members).toHaveLength(3);
  });

  it('is done once while the first one is still running, and after the connection of the first is gone', async () => {
    let release = () => {};
    rig.tree.adding = new Promise((resolve) => {
      release = resolve;
    });
    const gone = new Dealer({ linger: 1_000 });
    gone.connect(rig.tcp);
    await gone.send(['', pack(spawnRequest('r1'))]);
    await expect.poll(() => rig.tree.members.length).toBe(3);
    gone.close();
    const second = ask(rig.tcp, pack(spawnRequest('r2')));
    const third = request(rig, spawnRequest('r3'));
    release();
    expect(await second).toMatchObject({ success: true, request_id: 'r2', agent_info: { name: 'new' } });
    expect(await third).toMatchObject({ success: true, request_id: 'r3' });
    expect(rig.tree.members).toHaveLength(3);
  });

  it('has the same content whatever the order of its keys, its deadline and its interim messages', async () => {
    await request(rig, spawnRequest('r1', { deadline: 60_000 }));
    const { config, ...rest } = spawnRequest('r2', { accepted: true });
    const turned = {
      ...rest,
      metadata: { two: '2', one: '1' },
      config: { ...config, environment: { B: '2', A: '1' } },
    };
    expect(await request(rig, turned)).toMatchObject({ success: true, request_id: 'r2' });
    expect(rig.tree.members).toHaveLength(3);
  });

  it('is refused with KEY_REUSED when the key was used for another content, and nothing is done', async () => {
    await request(rig, spawnRequest('r1'));
    expect(await request(rig, spawnRequest('r2', { metadata: { one: '2' } }))).toMatchObject({
      type: 'spawn_response',
      success: false,
      code: 'KEY_REUSED',
      details: { key: 'k' },
    });
    expect(await operate(rig, 'stop', { agent: 'web' }, { idempotency_key: 'k' })).toMatchObject({
      code: 'KEY_REUSED',
    });
    expect(rig.tree.members).toHaveLength(3);
    expect(rig.tree.member('web').calls).toEqual([]);
  });

  it('works for every request that changes something, and gives an error again as it was', async () => {
    const web = rig.tree.member('web');
    web.refuse = new SupertreeError('ZOMBIE', { agent: web.path, blockers: 'pid 7' });
    const commands = [
      { type: 'tree_request', operation: 'stop', params: { agent: 'web' } },
      { type: 'control_command', agent_id: web.uuid, command_type: 'kill' },
      { type: 'batch_control_command', agent_ids: [web.uuid], command_type: 'pause' },
    ];
    for (const [index, command] of commands.entries()) {
      const keyed = { ...command, idempotency_key: `k${index}` };
      const first = await request(rig, { ...keyed, request_id: 'a' });
      web.refuse = null;
      expect(await request(rig, { ...keyed, request_id: 'b' })).toEqual({ ...first, request_id: 'b' });
      web.refuse = new SupertreeError('ZOMBIE', { agent: web.path, blockers: 'pid 7' });
    }
    expect(web.calls).toEqual(['stop', 'kill', 'pause cooperative']);
  });

  it('may be repeated when the first answer was a limit and nothing was done', async () => {
    await rig.close();
    rig = await createRig({ maxAgents: 2 });
    expect(await request(rig, spawnRequest('r1'))).toMatchObject({ success: false, code: 'AGENT_LIMIT' });
    await rig.tree.supervisor().delete('web');
    expect(await request(rig, spawnRequest('r2'))).toMatchObject({ success: true });
  });

  it('is not forgotten because of the keys of another peer, and is not remembered for a query', async () => {
    await rig.close();
    rig = await createRig({ limits: { idempotencyKeys: 2 } });
    const { uuid } = rig.tree.member('web');
    const first = await as('alice', spawnRequest('r1'));
    for (const idempotency_key of ['a', 'b', 'c', 'd']) {
      await as('bob', { type: 'control_command', agent_id: uuid, command_type: 'pause', idempotency_key });
      await as('alice', { type: 'tree_request', operation: 'health', idempotency_key });
      await as('alice', { type: 'batch_control_command', agent_ids: [], command_type: 'get_status', idempotency_key });
    }
    expect(await as('alice', spawnRequest('r2'))).toEqual({ ...first, request_id: 'r2' });
    expect(await as('bob', spawnRequest('r3', { config: { name: 'his', model_backend: 'sleep-cli' } }))).toMatchObject({
      success: true,
    });
    expect(rig.tree.members).toHaveLength(4);
  });

  it('repeats queries, and moves a cursor once', async () => {
    const web = rig.tree.member('web');
    const command = (command_type: string) =>
      request(rig, {
        type: 'control_command',
        agent_id: web.uuid,
        command_type,
        request_id: 'c',
        idempotency_key: 'k',
      });
    expect(await command('get_status')).toMatchObject({ status: 'running' });
    await request(rig, { type: 'control_command', agent_id: web.uuid, command_type: 'stop', request_id: 's' });
    expect(await command('get_status')).toMatchObject({ status: 'terminated' });
    for (const line of ['one\n', 'two\n']) web.print('stdout', line);
    expect(await command('read_stdout')).toMatchObject({ data: { seq: 0 } });
    expect(await command('read_stdout')).toMatchObject({ data: { seq: 0 } });
  });

  it.each(['', 'x'.repeat(257)])('is refused when the key is no key: %j', async (idempotency_key) => {
    expect(await operate(rig, 'stop', { agent: 'web' }, { idempotency_key })).toMatchObject({
      code: 'MESSAGE_INVALID',
    });
    expect(rig.tree.member('web').calls).toEqual([]);
  });
});

describe('a deadline', () => {
  it('that has passed before the work began means that it is not done', async () => {
    for (const deadline of [0, -5]) {
      const reply = await operate(rig, 'stop', { agent: 'web' }, { deadline });
      expect(reply).toMatchObject({ type: 'tree_response', success: false, code: 'DEADLINE' });
      expect(reply.error).toContain('it was not begun');
    }
    expect(rig.tree.member('web').calls).toEqual([]);
  });

  it('that passes meanwhile ends the wait and not the work, whose answer a repeated request still gets', async () => {
    const release = holding('web');
    const stop = { type: 'tree_request', operation: 'stop', params: { agent: 'web' }, idempotency_key: 'k' };
    const late = await ask(rig.ipc, pack({ ...stop, request_id: 'r1', deadline: 50 }));
    expect(late).toMatchObject({ success: false, code: 'DEADLINE', request_id: 'r1' });
    expect(late.error).toContain('it goes on');
    const again = ask(rig.ipc, pack({ ...stop, request_id: 'r2', deadline: 60_000 }));
    release();
    expect(await again).toMatchObject({ success: true, data: { state: 'stopped' } });
    expect(rig.tree.member('web').calls).toEqual(['stop']);
  });

  it('far away, or later than any timer can be set, harms nothing', async () => {
    for (const deadline of [60_000, 2 ** 40]) {
      expect(await operate(rig, 'pause', { agent: 'web' }, { deadline })).toMatchObject({ success: true });
    }
  });
});

describe('accepted', () => {
  it('comes before the answer of a long request, and not before an immediate answer', async () => {
    const release = holding('web');
    const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
    socket.connect(rig.tcp);
    const next = async () => unpack((await socket.receive())[1] ?? Buffer.alloc(0)) as Answer;
    const ask = {
      type: 'tree_request',
      request_id: 'slow',
      operation: 'stop',
      params: { agent: 'web' },
      accepted: true,
    };
    await socket.send(['', pack(ask)]);
    expect(await next()).toEqual({ type: 'accepted', request_id: 'slow' });
    await socket.send(['', pack({ ...ask, request_id: 'quick', operation: 'status' })]);
    expect(await next()).toMatchObject({ type: 'tree_response', request_id: 'quick' });
    release();
    expect(await next()).toMatchObject({ type: 'tree_response', request_id: 'slow', success: true });
    socket.close();
  });

  it('and progress never come after the answer', async () => {
    const release = holding('web');
    const interim: Answer[] = [];
    const more = { accepted: true, progress: true, deadline: 50 };
    expect(await operate(rig, 'stop', { agent: 'web' }, more, interim)).toMatchObject({ code: 'DEADLINE' });
    const count = interim.length;
    expect(interim.map(({ type }) => type)).toEqual(expect.arrayContaining(['accepted', 'tree_progress']));
    release();
    await expect.poll(() => rig.tree.member('web').state).toBe('stopped');
    expect(interim).toHaveLength(count);
  });
});
