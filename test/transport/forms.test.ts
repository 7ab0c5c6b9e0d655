import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer } from '../../src/control/answer.js';
import { localContext } from '../../src/control/request-context.js';
import { SupertreeError } from '../../src/errors.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { decode } from '../../src/protocol/decode.js';
import { type Answer, createRig, operate, type Rig, request } from './rig.js';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
const BYTES = Buffer.from(UUID.replaceAll('-', ''), 'hex');
const NIL = Buffer.alloc(16);

let rig: Rig;

beforeEach(async () => {
  rig = await createRig();
});

afterEach(() => rig.close());

describe('a message whose tag is an integer', () => {
  const rest = pack(['r1']).subarray(1);

  it.each([
    '07',
    'cc07',
    'cd0007',
    'ce00000007',
    'cf0000000000000007',
    'd007',
    'd10007',
    'd200000007',
    'd30000000000000007',
  ])('may have it in any width: %s', (tag) => {
    const bytes = Buffer.concat([Buffer.from(`92${tag}`, 'hex'), rest]);
    expect(decode(bytes)).toMatchObject({ ok: true, message: { type: 'health_check_request', request_id: 'r1' } });
    const broken = Buffer.concat([Buffer.from(`93${tag}`, 'hex'), rest]);
    expect(decode(broken)).toMatchObject({ ok: false, type: 'health_check_request', requestId: 'r1' });
  });

  it.each(['ff', 'cc0f', 'cfffffffffffffffff', 'd0ff', 'd3ffffffffffffffff'])(
    'is none for any other number: %s',
    (tag) => {
      const bytes = Buffer.concat([Buffer.from(`92${tag}`, 'hex'), rest]);
      expect(decode(bytes)).toMatchObject({ ok: false, type: null, error: { code: 'MESSAGE_TYPE' } });
    },
  );
});

describe('an amount that a number cannot hold', () => {
  const ALL = 2n ** 64n - 1n;

  it.each([
    [['list_agents_request', 'r', null, ALL], 'limit'],
    [['list_agents_request', 'r', null, 2n ** 53n], 'limit'],
    [['list_agents_request', 'r', null, 1.8446744073709552e19], 'limit'],
    [['output_query_request', 'r', UUID, 'both', null, ALL, 0], 'limit'],
    [['output_query_request', 'r', UUID, 'both', null, 0, ALL], 'offset'],
    [['spawn_request', 'r', {}, ALL], 'timeout_secs'],
    [['custom_action_request', 'r', UUID, 'a', null, ALL], 'timeout_secs'],
    [{ type: 'tree_request', request_id: 'r', operation: 'ps', deadline: ALL }, 'deadline'],
  ])('is read as the largest safe integer: %o', (message, field) => {
    expect(decode(pack(message))).toMatchObject({ ok: true, message: { [field]: Number.MAX_SAFE_INTEGER } });
  });

  it('must not be negative or infinite, nor above the safe integers for a sequence number', () => {
    for (const limit of [-1n, -(2n ** 63n), Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(decode(pack(['list_agents_request', 'r', null, limit]))).toMatchObject({ ok: false });
    }
    expect(decode(pack(['log_stream', UUID, 'stdout', [], [0, 0], 2n ** 60n]))).toMatchObject({ ok: false });
  });

  it('means no limit for a count, and no time limit for a timeout', async () => {
    const { uuid } = rig.tree.member('web');
    rig.tree.member('web').print('stdout', 'one\n');
    expect(await request(rig, ['list_agents_request', 'r', null, ALL])).toMatchObject({ agents: [{}, {}] });
    const lines = await request(rig, ['output_query_request', 'r', uuid, 'both', null, ALL, 0]);
    expect(lines).toMatchObject({ lines: ['one'], has_more: false });
    expect(await request(rig, ['custom_action_request', 'r', uuid, 'ping', null, ALL])).toMatchObject({
      success: true,
    });
    expect(await operate(rig, 'ps', {}, { deadline: ALL })).toMatchObject({ success: true });
  });
});

describe('a request that is refused by a limit, read no further than its head', () => {
  const refused = new SupertreeError('RATE_LIMITED', { rate: 1, burst: 1, limit: 'limits.rate', retryAfter: 1 });
  const refusal = async (message: unknown) =>
    unpack(await answer(rig.control, pack(message), () => {}, { ...localContext(), refused })) as Answer;

  it.each([
    [['control_command', 'r1', BYTES, 'stop']],
    [['control_command', 'r1', UUID, 'stop']],
    [['custom_action_request', 'r1', BYTES, 'x'.repeat(10_000)]],
    [{ type: 'control_command', request_id: 'r1', agent_id: BYTES, payload: 'x'.repeat(10_000) }],
    [{ payload: 1, agent_id: `urn:uuid:${UUID}`, request_id: 'r1', type: 'custom_action_request' }],
  ])('is answered with its agent', async (message) => {
    expect(await refusal(message)).toMatchObject({ request_id: 'r1', agent_id: BYTES, code: 'RATE_LIMITED' });
  });

  it.each([
    [['output_query_request', 'r1', 'web', 'both']],
    [['control_command', 'r1', Buffer.alloc(15), 'stop']],
    [['control_command', 'r1', [1, 2], 'stop']],
    [{ type: 'control_command', request_id: 'r1', payload: { agent_id: UUID } }],
    [{ type: 'control_command', request_id: 'r1', payload: 'x'.repeat(10_000), agent_id: UUID }],
  ])('is answered with nobody where it names none there', async (message) => {
    expect(await refusal(message)).toMatchObject({ request_id: 'r1', agent_id: NIL, code: 'RATE_LIMITED' });
  });

  it('contains the server id for a spawn, as every answer to one does', async () => {
    expect(await refusal(['spawn_request', 'r1', {}])).toMatchObject({ success: false, server_id: 'server-test' });
    const config = { name: 'a', model_backend: 'gpt' };
    const reply = await request(rig, { type: 'spawn_request', request_id: 'r1', config });
    expect(reply).toMatchObject({ code: 'BACKEND_UNKNOWN', server_id: 'server-test' });
  });
});

describe('the action get_env', () => {
  it('contains the name of the list', async () => {
    const config = { name: 'My Agent', model_backend: 'sleep-cli', task: '1' };
    const { agent_info } = await request(rig, { type: 'spawn_request', request_id: 's', config });
    const { id, name } = agent_info as { id: Buffer; name: string };
    const { data } = await request(rig, ['custom_action_request', 'r', id, 'get_env']);
    expect(data).toMatchObject({ result: { name: 'My Agent' } });
    expect(name).toBe('My Agent');
  });
});
