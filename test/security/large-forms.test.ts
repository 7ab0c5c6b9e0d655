import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../src/protocol/codec.js';
import { createSecureRig, type Name, type SecureRig, type Wire, wire } from './rig.js';

let rig: SecureRig;
const open: Wire[] = [];

beforeAll(async () => {
  rig = await createSecureRig();
});

afterAll(async () => {
  for (const each of open.splice(0)) each.close();
  await rig.close();
});

function connect(name: Name): Wire {
  const made = wire(rig, name);
  open.push(made);
  return made;
}

const MANY = Array.from({ length: 2_000 }, () => 10);
const AGENT = 'root/a/one';

/** A map with these entries in order, also with keys that come twice. */
function packMap(entries: readonly (readonly [string, unknown])[]): Buffer {
  return Buffer.concat([Buffer.from([0x80 + entries.length]), ...entries.flat().map((each) => pack(each))]);
}

/** Every form in which the server reads one command for an agent. `type` and `name`: the spelling of the tag and of the command. */
const FORMS: Readonly<Record<string, (type: unknown, name: unknown, agent: string) => Buffer>> = {
  'a map': (type, name, agent) =>
    pack({ type, request_id: 'r', agent_id: agent, command_type: name, payload: { data: MANY } }),
  'a map with its command after its payload': (type, name, agent) =>
    pack({ type, request_id: 'r', agent_id: agent, payload: { data: MANY }, command_type: name }),
  'a map that names another operation too': (type, name, agent) =>
    packMap([
      ...Object.entries({ type, request_id: 'r', agent_id: agent, command_type: name, operation: 'send' }),
      ['payload', { data: MANY }],
    ]),
  'a map that names another command before': (type, name, agent) =>
    packMap([
      ...Object.entries({ type, request_id: 'r', agent_id: agent, command_type: 'write_stdin' }),
      ...Object.entries({ payload: { data: MANY }, command_type: name }),
    ]),
  'an array': (type, name, agent) => pack([type, 'r', agent, name, { data: MANY }]),
};

const TAGS = { name: 'control_command', index: 2, bin: Buffer.from('control_command') };

const SPELLINGS: Readonly<Record<string, (name: string) => unknown>> = {
  'a name': (name) => name,
  'a map with one key': (name) => ({ [name]: null }),
};

const CASES = Object.keys(FORMS).flatMap((form) =>
  Object.keys(TAGS).flatMap((tag) => Object.keys(SPELLINGS).map((spelling) => [form, tag, spelling] as const)),
);

describe.each(CASES)('a large command as %s, with its type as %s and its command as %s', (form, tag, spelling) => {
  const bytesOf = (name: string) => {
    const { uuid } = rig.server.tree.agent(AGENT);
    return FORMS[form]?.(TAGS[tag as 'name'], SPELLINGS[spelling]?.(name), uuid) ?? Buffer.alloc(0);
  };

  it('is decoded only where the command may be large, is known, and the peer has its role somewhere', async () => {
    const boss = connect('boss');
    expect(await boss.post(bytesOf('write_stdin'))).toMatchObject({ success: true, data: { bytes_written: 2_000 } });
    expect(await boss.post(bytesOf('stop'))).toMatchObject({
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining('which stop never needs'),
    });
    expect(await boss.post(bytesOf('fly'))).toMatchObject({
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining('control_command.command_type must be one of'),
    });
    expect(rig.server.tree.agent(AGENT).view().state).toBe('running');
    expect(await connect('lost').post(bytesOf('write_stdin'))).toMatchObject({
      code: 'FORBIDDEN',
      details: { role: 'input', subtree: 'root/none' },
    });
    expect(rig.audit.at(-1)).toMatchObject({ key: 'lost', request: 'r', verb: 'write_stdin', path: null });
  });
});

describe('a large message of any other form', () => {
  const batch = (command_type: unknown) => {
    const ids = ['root/a/one', 'root/b/two'].map((path) => rig.server.tree.agent(path).uuid);
    return { type: 'batch_control_command', request_id: 'r', agent_ids: ids, payload: { data: MANY }, command_type };
  };

  it('of a batch needs the role of its command, however that is spelled', async () => {
    for (const command of ['stop', { stop: null }]) {
      expect(await connect('lost').ask(batch(command))).toMatchObject({
        code: 'FORBIDDEN',
        details: { role: 'lifecycle' },
      });
    }
    expect(await connect('boss').ask(batch({ write_stdin: null }))).toMatchObject({ successful: 2, failed: 0 });
    expect(await connect('boss').ask(batch('fly'))).toMatchObject({ code: 'MESSAGE_INVALID' });
    expect(await connect('boss').ask(batch(['stop']))).toMatchObject({
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining('and no readable name of its operation'),
    });
  });

  it('of an operation is judged by that alone', async () => {
    const params = { spec: { id: 'x', command: MANY.map(String) }, parent: 'root' };
    const bytesOf = (operation: unknown) => [
      pack({ type: 'tree_request', request_id: 'r', command_type: 'spawn', params, operation }),
      pack({ type: 'tree_request', request_id: 'r', operation, params, command_type: 'spawn', agent_id: 'spawn' }),
      pack(['tree_request', 'r', operation, params]),
      pack(['tree_request', 'r', operation, 'spawn', params]),
    ];
    for (const bytes of bytesOf('health')) {
      const never = expect.stringContaining('which health never needs');
      expect(await connect('boss').post(bytes)).toMatchObject({ code: 'MESSAGE_INVALID', error: never });
    }
    for (const bytes of bytesOf('fly')) {
      expect(await connect('boss').post(bytes)).toMatchObject({
        code: 'COMMAND_UNKNOWN',
        error: 'There is no command fly.',
      });
    }
    for (const bytes of bytesOf({ spawn: null })) {
      expect(await connect('boss').post(bytes)).toMatchObject({
        code: 'MESSAGE_INVALID',
        error: expect.stringContaining('and no readable name of its operation'),
      });
    }
  });

  it('without a type, or with one that is no request, is refused', async () => {
    for (const type of [null, { tree_request: null }, 'x', 'spawn_response', 99, 2.5]) {
      const message = { type, request_id: 'r', operation: 'spawn', params: { MANY }, command_type: 'write_stdin' };
      expect(await connect('boss').ask(message)).toMatchObject({ request_id: 'r', code: 'MESSAGE_TYPE' });
    }
  });

  it('that is broken has the error of that, wherever its operation is', async () => {
    const bytes = pack({ type: 'tree_request', request_id: 'r', params: { spec: { MANY } }, operation: 'spawn' });
    expect(await connect('boss').post(bytes.subarray(0, -3))).toMatchObject({
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining('it ends too early'),
    });
  });
});

describe('the audit line of a large request', () => {
  it('has no path where the request could not be read so far', async () => {
    const params = { path: 'root/b', spec: { id: 'x', command: ['true'], env: { MANY } } };
    await connect('typist').ask({ type: 'tree_request', request_id: 'r', operation: 'add_child', params });
    expect(rig.audit.at(-1)).toMatchObject({ key: 'typist', verb: 'add_child', path: null, code: 'FORBIDDEN' });
  });
});
