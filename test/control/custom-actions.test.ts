import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionContext } from '../../src/control/actions.js';
import { answer } from '../../src/control/answer.js';
import { SupertreeError } from '../../src/errors.js';
import { pack } from '../../src/protocol/codec.js';
import { strictDecode } from '../protocol/strict-decoder.js';
import { createRig, type Rig, request } from '../transport/rig.js';

let rig: Rig;
let uuid: string;
let seen: ActionContext | undefined;

beforeAll(async () => {
  rig = await createRig({
    actions: {
      look: (context) => {
        seen = context;
        return { path: context.agent.path, state: context.agent.view().state };
      },
      nothing: () => undefined,
      bytes: () => ({ deep: [new Uint8Array([1, 200])] }),
      fails: () => {
        throw new Error('no such model');
      },
      refuses: async () => {
        throw new SupertreeError('INVALID_STATE', { command: 'train', agent: 'web', state: 'running' });
      },
      circular: () => {
        const ring: Record<string, unknown> = {};
        ring.self = ring;
        return ring;
      },
      waits: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      cleansUp: ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('disk full')))),
      ping: () => 'replaced',
    },
  });
  uuid = rig.tree.member('web').uuid;
});

afterAll(() => rig.close());

const custom = (action: string, more: object = {}) =>
  request(rig, { type: 'custom_action_request', request_id: 'a', agent_id: uuid, action, ...more });

describe('custom_action_request', () => {
  /** Parameters as MessagePack, in hexadecimal: what JavaScript and msgpackr would alter. */
  const exact = {
    'an integral float': 'cb3ff0000000000000',
    'a negative zero': 'cb8000000000000000',
    'a float of 32 bits': 'ca3fc00000',
    'an integer in a wide form': 'd30000000000000001',
    'a key __proto__': '81a95f5f70726f746f5f5f01',
    'all of it': '93cb400000000000000081a95f5f70726f746f5f5f80cb8000000000000000',
  };
  const head = { map: '85a474797065b5637573746f6d5f616374696f6e5f72657175657374aa726571756573745f6964a161' };
  const forms: readonly (readonly [string, (params: string) => string])[] = [
    ['map form', (params) => `${head.map}a86167656e745f6964c410${id()}a6616374696f6ea46563686fa6706172616d73${params}`],
    ['array form', (params) => `95b5637573746f6d5f616374696f6e5f72657175657374a161c410${id()}a46563686f${params}`],
    [
      'a control_command',
      (params) =>
        `95af636f6e74726f6c5f636f6d6d616e64a161c410${id()}ad637573746f6d5f616374696f6e82a6616374696f6ea46563686fa6706172616d73${params}`,
    ],
  ];
  const id = () => uuid.replaceAll('-', '');

  it.each(forms)('echoes parameters in %s byte for byte', async (_form, messageOf) => {
    for (const [what, params] of Object.entries(exact)) {
      const reply = await answer(rig.control, Buffer.from(messageOf(params), 'hex'), () => {});
      // The result is the last value of `data`, which is the last field of the answer.
      expect(reply.toString('hex'), what).toContain(`a6726573756c74${params}`);
    }
  });

  it('echoes parameters to each agent of a batch byte for byte, in both forms, as to one alone', async () => {
    const ids = `92c410${id()}c410${rig.tree.join({ id: 'other', command: ['true'] }).uuid.replaceAll('-', '')}`;
    const tag = 'b562617463685f636f6e74726f6c5f636f6d6d616e64';
    const payloadOf = (params: string) => `82a6616374696f6ea46563686fa6706172616d73${params}`;
    const command = 'ad637573746f6d5f616374696f6e';
    for (const [what, params] of Object.entries(exact)) {
      const asArray = `95${tag}a162${ids}${command}${payloadOf(params)}`;
      const asMap =
        `85a474797065${tag}aa726571756573745f6964a162a96167656e745f696473${ids}` +
        `ac636f6d6d616e645f74797065${command}a77061796c6f6164${payloadOf(params)}`;
      for (const message of [asArray, asMap]) {
        const reply = await answer(rig.control, Buffer.from(message, 'hex'), () => {});
        expect(strictDecode(reply), what).toMatchObject({ success: true, successful: 2, results: [{}, {}] });
        expect(reply.toString('hex').split(`a6726573756c74${params}`), what).toHaveLength(3);
      }
    }
  });

  it('echoes parameters byte for byte again when the request is repeated with its idempotency key', async () => {
    const params = exact['all of it'];
    const key = 'af6964656d706f74656e63795f6b6579a16b';
    const message = `${head.map.replace(/^85/, '86')}a86167656e745f6964c410${id()}a6616374696f6ea46563686fa6706172616d73${params}${key}`;
    for (let time = 0; time < 2; time += 1) {
      const reply = await answer(rig.control, Buffer.from(message, 'hex'), () => {});
      expect(reply.toString('hex')).toContain(`a6726573756c74${params}`);
    }
  });

  it('runs the built-in actions and reveals no environment', async () => {
    expect(await custom('echo', { params: { x: [1, null] } })).toMatchObject({
      type: 'command_response',
      request_id: 'a',
      success: true,
      status: 'running',
      data: { action: 'echo', result: { x: [1, null] } },
    });
    const { data } = await custom('get_env');
    expect(data).toEqual({
      action: 'get_env',
      result: { status: 'Running', name: 'web', agent_id: uuid, last_status_update_secs: 1_700_000_000 },
    });
  });

  it('runs the actions of the embedding program', async () => {
    expect(await custom('look', { params: 7 })).toMatchObject({
      success: true,
      data: { action: 'look', result: { path: 'root/web', state: 'running' } },
    });
    expect(seen).toMatchObject({ action: 'look', params: 7, peer: 'local' });
    expect(await custom('nothing')).toMatchObject({ success: true, data: { action: 'nothing', result: null } });
    expect(await custom('ping')).toMatchObject({ data: { action: 'ping', result: 'replaced' } });
  });

  it('runs the same as a command', async () => {
    const command = (payload: object) =>
      request(rig, {
        type: 'control_command',
        request_id: 'c',
        agent_id: uuid,
        command_type: 'custom_action',
        payload,
      });
    expect(await command({ action: 'look' })).toMatchObject({ success: true, data: { action: 'look' } });
    expect(await command({ action: 'waits', timeout_secs: 0 })).toMatchObject({ success: false, code: 'TIMEOUT' });
  });

  it('writes bytes in a result so that a strict decoder takes them', async () => {
    const bytes = await answer(rig.control, pack(['custom_action_request', 'r', uuid, 'bytes']), () => {});
    expect(strictDecode(bytes)).toMatchObject({ data: { result: { deep: [[1, 200]] } } });
  });

  it.each([
    ['fails', 'ACTION_FAILED', 'The action fails failed: no such model.'],
    ['refuses', 'INVALID_STATE', 'Cannot train web while it is running.'],
    ['circular', 'ACTION_FAILED', 'The action circular failed: its result refers to itself.'],
    ['fly', 'COMMAND_UNKNOWN', 'There is no command fly.'],
    ['constructor', 'COMMAND_UNKNOWN', 'There is no command constructor.'],
  ])('answers %s with %s', async (action, code, error) => {
    expect(await custom(action)).toMatchObject({ success: false, status: 'running', data: null, code, error });
  });

  it('answers TIMEOUT after timeout_secs, and aborts the signal of the action', async () => {
    expect(await custom('waits', { timeout_secs: 1 })).toMatchObject({
      success: false,
      code: 'TIMEOUT',
      error: 'The action waits was not done within 1000 ms.',
    });
    expect(await custom('cleansUp', { timeout_secs: 1 })).toMatchObject({ success: false, code: 'TIMEOUT' });
    // What goes wrong after the answer is told to the log; an action that just stops has nothing to tell.
    await expect.poll(() => rig.failures).toMatchObject([{ code: 'ACTION_FAILED', details: { problem: 'disk full' } }]);
  });

  it('answers an unknown agent as such', async () => {
    const stranger = '00112233-4455-6677-8899-aabbccddeeff';
    expect(await custom('echo', { agent_id: stranger })).toMatchObject({ success: false, code: 'AGENT_NOT_FOUND' });
  });
});
