import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clientTicket } from '../../src/protocol/curve.js';
import { createSecureRig, type Name, type SecureRig, type Wire, wire, wireTo } from './rig.js';

let rig: SecureRig;
const wires: Wire[] = [];

beforeAll(async () => {
  rig = await createSecureRig();
});

afterAll(async () => {
  for (const each of wires) each.close();
  await rig?.close();
});

beforeEach(() => {
  (rig.audit as unknown[]).length = 0;
});

const opened = new Map<string, Wire>();

function as(name: Name): Wire {
  const known = opened.get(name) ?? wire(rig, name);
  opened.set(name, known);
  if (!wires.includes(known)) wires.push(known);
  return known;
}

function other(made: Wire): Wire {
  wires.push(made);
  return made;
}

const uuidOf = (path: string) => rig.server.tree.agent(path).uuid;
const control = (agent_id: string, command_type: string, payload: object | null = null) => ({
  type: 'control_command',
  request_id: `c-${command_type}`,
  agent_id,
  command_type,
  payload,
});
const pathsOf = (data: unknown) => (data as { path: string }[]).map(({ path }) => path);

describe('a connection to a server with keys', () => {
  it('works with a known key and a routing id that proves it', async () => {
    expect(await as('watcher').operate('health')).toMatchObject({ success: true });
  });

  it('works over ipc without a key, with every role, as before', async () => {
    const local = other(wireTo(rig.ipc));
    expect(pathsOf((await local.operate('ps')).data)).toHaveLength(5);
    expect(await local.operate('stop', { agent: 'root/ab/near' })).toMatchObject({ success: true });
    expect(await local.operate('start', { agent: 'root/ab/near' })).toMatchObject({ success: true });
    expect(rig.audit).toMatchObject([
      { key: 'local', verb: 'stop', path: 'root/ab/near', outcome: 'done', code: null },
      { key: 'local', verb: 'start', path: 'root/ab/near', outcome: 'done', code: null },
    ]);
  });

  it.each([
    ['without a key', () => wireTo(rig.tcp)],
    ['with a key that the server does not know', () => wire(rig, 'stranger')],
    ['with another server key', () => wire({ ...rig, serverKey: rig.keys.boss.publicKey }, 'boss')],
  ])('gets no answer %s', async (_how, make) => {
    const refused = make();
    const asked = refused.ask({ type: 'health_check_request', request_id: 'h' }, 1_500);
    await expect(asked).rejects.toMatchObject({ code: 'EAGAIN' });
    // It would connect again and again, and each time leave a line in the audit log.
    refused.close();
  });

  it('with an unknown key has an audit line with its address and the public key', async () => {
    const stranger = wire(rig, 'stranger');
    await expect.poll(() => rig.audit.length).toBeGreaterThan(0);
    stranger.close();
    expect(rig.audit[0]).toMatchObject({ key: 'unknown', outcome: 'refused', code: 'KEY_REFUSED', path: null });
    expect(rig.audit[0]).toMatchObject({ address: '127.0.0.1', publicKey: rig.keys.stranger.publicKey });
    expect(JSON.stringify(rig.audit)).not.toContain(rig.keys.stranger.secretKey);
  });

  it.each([
    ['none', () => null],
    ['only a public key', () => `${rig.keys.boss.publicKey}.1`],
    [
      "another key's public key with its own proof",
      () => `${rig.keys.boss.publicKey}${ticketOf('watcher').slice(40)}.1`,
    ],
    [
      'its own ticket for another server',
      () => `${clientTicket(rig.keys.watcher.secretKey, rig.keys.boss.publicKey)}.1`,
    ],
  ])('is refused everything when its routing id is %s', async (_what, make) => {
    const forger = other(wire(rig, 'watcher', make()));
    for (const operation of ['health', 'ps', 'tree']) {
      expect(await forger.operate(operation)).toMatchObject({ success: false, code: 'KEY_UNPROVEN', data: null });
    }
    expect(await forger.ask(control(uuidOf('root/a/one'), 'stop'))).toMatchObject({ code: 'KEY_UNPROVEN' });
    expect(rig.server.tree.agent('root/a/one').view().state).toBe('running');
    const { key, path, outcome } = rig.audit.at(-1) ?? {};
    expect({ key, path, outcome }).toEqual({ key: 'unproven', path: 'root/a/one', outcome: 'refused' });
  });
});

const ticketOf = (name: Name) => clientTicket(rig.keys[name].secretKey, rig.serverKey);

describe('a role that is too small', () => {
  it.each([
    ['watcher', 'stop', { agent: 'root/a/one' }, 'lifecycle', 'root/a/one'],
    ['watcher', 'signal', { agent: 'one', signal: 'HUP' }, 'lifecycle', 'root/a/one'],
    ['watcher', 'send', { agent: 'one', data: 'x' }, 'input', 'root/a/one'],
    ['watcher', 'spawn', { spec: { id: 'x', command: ['true'] } }, 'spawn', 'root'],
    ['watcher', 'add_child', { path: 'root/a', spec: { id: 'x', command: ['true'] } }, 'spawn', 'root/a'],
    ['watcher', 'terminate_child', { path: 'root/a', id: 'one' }, 'lifecycle', 'root/a'],
    ['lead', 'delete_child', { path: 'root/a', id: 'one' }, 'configure', 'root/a'],
    ['typist', 'status', { agent: 'one' }, 'observe', 'root/a/one'],
    ['typist', 'logs', { agent: 'one' }, 'observe', 'root/a/one'],
    ['typist', 'ps', {}, 'observe', 'root/a'],
    ['typist', 'tree', {}, 'observe', 'root/a'],
    ['typist', 'snapshot', {}, 'observe', 'root/a'],
    ['mixed', 'stop', { agent: 'root/b/same' }, 'lifecycle', 'root/b/same'],
    ['lead', 'streams', {}, 'observe', 'root'],
  ] as const)('%s may not %s %j', async (name, operation, params, role, subtree) => {
    expect(await as(name).operate(operation, params)).toMatchObject({
      success: false,
      code: 'FORBIDDEN',
      data: null,
      error: `This takes the role ${role} for ${subtree}.`,
      details: { role, subtree },
    });
    expect(rig.audit).toMatchObject([{ key: name, verb: operation, outcome: 'refused', code: 'FORBIDDEN' }]);
  });

  it.each([
    ['watcher', 'pause'],
    ['watcher', 'kill'],
    ['watcher', 'write_stdin'],
    ['watcher', 'custom_action'],
    ['typist', 'get_status'],
    ['typist', 'read_stdout'],
    ['typist', 'query_output'],
    ['lead', 'stream_logs'],
  ] as const)('%s may not give the command %s', async (name, command) => {
    const payload = { action: 'ping', data: '' };
    const answer = await as(name).ask(control(uuidOf('root/a/one'), command, payload));
    expect(answer).toMatchObject({ type: 'command_response', success: false, code: 'FORBIDDEN' });
    expect(rig.audit).toMatchObject([{ key: name, verb: command, path: 'root/a/one', outcome: 'refused' }]);
  });

  it('refuses each agent of a batch on its own', async () => {
    const agent_ids = ['root/b/two', 'root/b/same'].map(uuidOf);
    const answer = await as('mixed').ask({
      type: 'batch_control_command',
      request_id: 'b',
      agent_ids,
      command_type: 'pause',
      payload: { force: true },
      fail_fast: false,
    });
    expect(answer).toMatchObject({ success: false, successful: 1, failed: 1 });
    expect(answer.results).toMatchObject([{ success: true }, { success: false, code: 'FORBIDDEN' }]);
    expect(rig.audit).toMatchObject([
      { key: 'mixed', verb: 'pause', path: 'root/b/same', outcome: 'refused', code: 'FORBIDDEN' },
      { key: 'mixed', verb: 'pause', path: 'root/b/two', outcome: 'done', code: null },
    ]);
    expect(await as('mixed').operate('resume', { agent: 'two' })).toMatchObject({ success: true });
  });

  it('refuses a batch with fail_fast before any command of it', async () => {
    const agent_ids = ['root/b/two', 'root/b/same'].map(uuidOf);
    const batch = { type: 'batch_control_command', request_id: 'b', agent_ids, command_type: 'pause', fail_fast: true };
    const { results } = await as('mixed').ask(batch);
    expect(results).toMatchObject([{ code: 'BATCH_STOPPED' }, { success: false, code: 'FORBIDDEN' }]);
    expect(rig.audit).toMatchObject([{ key: 'mixed', verb: 'pause', path: 'root/b/same', outcome: 'refused' }]);
  });

  it('permits the operations of its roles', async () => {
    expect(await as('typist').operate('send', { agent: 'one', data: 'hello\n' })).toMatchObject({ success: true });
    expect(await as('mixed').operate('stop', { agent: 'two' })).toMatchObject({ success: true });
    expect(await as('mixed').operate('start', { agent: 'two' })).toMatchObject({ success: true });
    expect(rig.audit.map(({ key, verb, outcome }) => `${key} ${verb} ${outcome}`)).toEqual([
      'typist send done',
      'mixed stop done',
      'mixed start done',
    ]);
  });
});

describe('an agent outside of the subtree of a key', () => {
  const unknown = '01234567-89ab-4cde-8f01-23456789abcd';

  it.each([
    ['root/b/two', 'root/b/none'],
    ['two', 'none'],
    ['root/ab/near', 'root/ab/far'],
  ])('is answered for %s as for %s, which does not exist', async (outside, missing) => {
    for (const operation of ['status', 'stop', 'logs', 'send']) {
      const [one, two] = [outside, missing].map((agent) => ({ agent, data: 'x' }));
      const found = await as('lead').operate(operation, one);
      const absent = await as('lead').operate(operation, two);
      expect(found).toMatchObject({ success: false, code: 'AGENT_NOT_FOUND' });
      const blind = (answer: object) => inspect(answer).replaceAll(/-\d+'/g, "'");
      expect(blind(found).replaceAll(outside, '#')).toBe(blind(absent).replaceAll(missing, '#'));
    }
  });

  it('is not found by uuid, in any message', async () => {
    for (const id of [uuidOf('root/b/two'), unknown]) {
      expect(await as('lead').ask(control(id, 'get_status'))).toMatchObject({ code: 'AGENT_NOT_FOUND' });
      const more = { request_id: 'o', agent_id: id, stream: 'both', action: 'ping' };
      for (const type of ['output_query_request', 'custom_action_request']) {
        expect(await as('lead').ask({ type, ...more })).toMatchObject({ success: false, code: 'AGENT_NOT_FOUND' });
      }
    }
  });

  it('is in no list, tree, snapshot and count', async () => {
    const lead = as('lead');
    const answers = [
      await lead.operate('ps', { usage: true }),
      await lead.operate('tree'),
      await lead.operate('snapshot'),
      await lead.ask({ type: 'list_agents_request', request_id: 'l' }),
    ];
    const text = inspect(answers, { depth: null, maxArrayLength: null });
    for (const path of ['root/b/two', 'root/b', 'root/ab', 'near']) expect(text).not.toContain(path);
    for (const path of ['root/b/two', 'root/b/same', 'root/ab/near']) expect(text).not.toContain(uuidOf(path));
    expect(pathsOf(answers[0]?.data)).toEqual(['root/a/one', 'root/a/same']);
    expect(await lead.operate('health')).toMatchObject({ data: { agents: 2, active: 2 } });
  });

  it('does not make an id ambiguous, and is not named in the error for an ambiguous id', async () => {
    expect(await as('lead').operate('status', { agent: 'same' })).toMatchObject({ data: { path: 'root/a/same' } });
    expect(await as('watcher').operate('status', { agent: 'same' })).toMatchObject({ code: 'AGENT_AMBIGUOUS' });
  });

  it('cannot be the parent of an addition', async () => {
    const params = { spec: { id: 'x', command: ['true'] } };
    for (const parent of ['root', 'root/b', 'root/none', 'root/ab']) {
      const answer = await as('lead').operate('spawn', { ...params, parent });
      expect(answer).toMatchObject({ code: 'SUPERVISOR_NOT_FOUND', error: `There is no supervisor ${parent}.` });
    }
  });

  it('is not the parent of a spawn without a parent, which goes into the subtree', async () => {
    const spec = { id: 'extra', command: ['cat'] };
    expect(await as('lead').operate('spawn', { spec })).toMatchObject({ data: { path: 'root/a/extra' } });
    expect(await as('boss').operate('spawn', { spec: { id: 'top', command: ['cat'] } })).toMatchObject({
      data: { path: 'root/top' },
    });
    expect(rig.audit).toMatchObject([
      { key: 'lead', verb: 'spawn', path: 'root/a', outcome: 'done' },
      { key: 'boss', verb: 'spawn', path: 'root', outcome: 'done' },
    ]);
    for (const [path, id] of [
      ['root/a', 'extra'],
      ['root', 'top'],
    ]) {
      await as('boss').operate('terminate_child', { path, id });
      await as('boss').operate('delete_child', { path, id });
    }
  });
});
