import { describe, expect, it } from 'vitest';
import { pack } from '../../src/protocol/codec.js';
import { decode, encode } from '../../src/protocol/decode.js';
import type { Draft, MessageType } from '../../src/protocol/protocol.js';
import { strictDecode } from './strict-decoder.js';
import { AT, UUID } from './vector.js';
import { VECTORS } from './vectors.js';

/** The newest version has no status written as in 2025-11-24: what it refuses is not sent. */
const CURRENT = VECTORS.filter(({ title }) => !title.startsWith('old'));

/** As the original has it: lists, not typed arrays, and nothing of ours. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, item) => (item instanceof Uint8Array ? [...item] : item)));

describe('the strict decoder of the tests', () => {
  it.each(CURRENT)('reads $title as we do', ({ hex, means }) => {
    expect(strictDecode(Buffer.from(hex, 'hex'))).toEqual(plain(means));
  });

  const command = { type: 'control_command', request_id: 'r', agent_id: UUID, command_type: 'stop' };
  it.each([
    ['one element too many', pack(['health_check_request', 'r', 1])],
    ['a missing field', pack({ type: 'control_command', request_id: 'r' })],
    ['a status in capitals', pack(['list_agents_request', 'r', 'Running'])],
    [
      'a float for an integer',
      Buffer.from(
        `${pack(['list_agents_request', 'r', null]).toString('hex').replace(/^93/, '94')}cb4024000000000000`,
        'hex',
      ),
    ],
    ['bin in a value', pack({ ...command, payload: { data: Buffer.from('x') } })],
    ['a time stamp extension', Buffer.from('d6ff6553f100', 'hex')],
    ['a uuid of integers', pack({ ...command, agent_id: [...Buffer.alloc(16)] })],
    ['bin for a list of bytes', pack(['log_stream', UUID, 'stdout', Buffer.from('x'), AT, 0])],
    ['a time as a number', pack(['log_stream', UUID, 'stdout', [], 1.5, 0])],
    [
      'nil for a flag',
      pack({ type: 'batch_control_command', request_id: 'r', agent_ids: [], command_type: 'stop', fail_fast: null }),
    ],
    ['nil for the environment', pack({ type: 'spawn_request', request_id: 'r', config: { environment: null } })],
    ['an unknown type', pack(['accepted', 'r'])],
  ])('refuses %s', (_title, bytes) => {
    expect(() => strictDecode(bytes)).toThrow();
  });
});

describe('an encoded message', () => {
  it.each(VECTORS)('is accepted by the strict decoder, with the same meaning: $title', ({ hex, means }) => {
    const decoded = decode(Buffer.from(hex, 'hex'));
    if (!decoded.ok) throw decoded.error;
    expect(strictDecode(encode(decoded.message))).toEqual(plain(means));
  });

  const full: readonly Draft<MessageType>[] = [
    {
      type: 'spawn_response',
      request_id: 'r',
      success: false,
      error: 'e',
      code: 'AGENT_LIMIT',
      remedy: 'r',
      details: { max: 1 },
    },
    {
      type: 'command_response',
      request_id: 'r',
      agent_id: UUID,
      success: true,
      data: { at: 1_700_000_000_000, list: [2 ** 40, -1, 1.5] },
    },
    {
      type: 'batch_control_response',
      request_id: 'r',
      success: false,
      successful: 0,
      failed: 1,
      results: [{ agent_id: UUID, success: false, status: null, error: 'e', data: { a: 1 }, code: 'INTERNAL' }],
    },
    {
      type: 'spawn_request',
      request_id: 'r',
      config: {
        name: '',
        model_backend: '',
        task: '',
        environment: {},
        context: null,
        system_prompt: null,
        model: null,
        tool_level: null,
        agents: null,
      },
      idempotency_key: 'k',
      deadline: 5,
      accepted: true,
    },
    { type: 'custom_action_request', request_id: 'r', agent_id: UUID, action: 'a', params: null, idempotency_key: 'k' },
    {
      type: 'output_query_response',
      request_id: 'r',
      agent_id: UUID,
      success: false,
      lines: [],
      has_more: false,
      error: 'e',
      code: 'FILTER_SLOW',
    },
  ];
  it.each(full)('with the keys of supertree is accepted as well: $type', (draft) => {
    const strict = strictDecode(encode(draft));
    const own = Object.keys(strict).filter((key) => key !== 'results' && key !== 'config');
    for (const key of own) expect(strict[key]).toEqual((draft as Record<string, unknown>)[key] ?? null);
  });
});
