import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../src/protocol/codec.js';
import { decode, encode, typeOfTag } from '../../src/protocol/decode.js';
import { MESSAGES, type MessageType } from '../../src/protocol/protocol.js';
import { MAX_DEPTH, scan } from '../../src/protocol/scan.js';
import { VECTORS } from './vectors.js';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';

describe('the messages of the agent protocol', () => {
  it('are fifteen, each with its own index', () => {
    const indexes = Object.values(MESSAGES).flatMap(({ index }) => (index === null ? [] : [index]));
    expect(indexes).toEqual(Array.from({ length: 15 }, (_, index) => index));
  });

  it.each(VECTORS)('read $title from the bytes of the original serialiser', ({ hex, means }) => {
    const decoded = decode(Buffer.from(hex, 'hex'));
    expect(decoded).toMatchObject({ ok: true, message: means });
  });

  it('have a vector each', () => {
    const covered = new Set(VECTORS.map(({ means }) => means.type));
    const agentProtocol = Object.entries(MESSAGES).filter(([, { index }]) => index !== null);
    expect([...covered].sort()).toEqual(agentProtocol.map(([type]) => type).sort());
  });

  it.each(VECTORS)('come back the same from the map form in which we send: $title', ({ hex }) => {
    const first = decode(Buffer.from(hex, 'hex'));
    if (!first.ok) throw first.error;
    const bytes = encode(first.message);
    expect(unpack(bytes)).toMatchObject({ type: first.message.type });
    expect(decode(bytes)).toEqual(first);
  });
});

describe('decode', () => {
  const request = (command: unknown) => ({
    type: 'control_command',
    request_id: 'r1',
    agent_id: UUID,
    command_type: command,
  });

  it('reads arrays and maps mixed at every level', () => {
    const info = {
      id: UUID,
      name: 'a',
      status: 'Paused',
      model_backend: 'm',
      started_at: { secs_since_epoch: 1, nanos_since_epoch: 2 },
      task: 't',
      pause_mode: 'Forced',
    };
    const decoded = decode(pack(['list_agents_response', 'r1', true, [info, [UUID, 'a', 'Paused', 'm', [1, 2], 't']]]));
    expect(decoded).toMatchObject({
      ok: true,
      message: {
        agents: [
          { status: 'paused', started_at: [1, 2], pause_mode: 'forced' },
          { status: 'paused', pause_mode: null },
        ],
      },
    });
  });

  it('reads a tag as text, as bytes and as an index', () => {
    for (const tag of ['health_check_request', Buffer.from('health_check_request'), 7]) {
      expect(decode(pack([tag, 'r1']))).toMatchObject({
        ok: true,
        message: { type: 'health_check_request', request_id: 'r1' },
      });
    }
  });

  it('reads a uuid from 16 bytes and from text in any spelling', () => {
    const spellings = [
      UUID,
      UUID.toUpperCase(),
      UUID.replaceAll('-', ''),
      `urn:uuid:${UUID}`,
      `{${UUID}}`,
      Buffer.from(UUID.replaceAll('-', ''), 'hex'),
    ];
    for (const agent_id of spellings) {
      expect(decode(pack({ ...request('stop'), agent_id }))).toMatchObject({ ok: true, message: { agent_id: UUID } });
    }
  });

  it('reads a command as text and as a map with one key', () => {
    expect(decode(pack(request({ stop: null })))).toMatchObject({ ok: true, message: { command_type: 'stop' } });
  });

  it.each([
    'cc0a',
    'cd000a',
    'ce0000000a',
    'cf000000000000000a',
    'd00a',
    'd1000a',
    'd20000000a',
    'd3000000000000000a',
    'cb4024000000000000',
  ])('reads the integer 10 written as %s', (form) => {
    const bytes = Buffer.concat([pack(['list_agents_request', 'r1', null]).fill(0x94, 0, 1), Buffer.from(form, 'hex')]);
    expect(decode(bytes)).toMatchObject({ ok: true, message: { limit: 10 } });
  });

  it('ignores bytes after the document, and unknown keys', () => {
    const bytes = Buffer.concat([
      pack({ type: 'health_check_request', request_id: 'r1', colour: 'red' }),
      Buffer.from('c1c1', 'hex'),
    ]);
    expect(decode(bytes)).toMatchObject({ ok: true, message: { request_id: 'r1' } });
  });

  it.each([
    [
      'a missing field',
      { type: 'control_command', request_id: 'r1', agent_id: UUID },
      'control_command.command_type is missing, got nothing',
    ],
    ['an unknown command', request('fly'), 'control_command.command_type must be one of pause, '],
    [
      'a number for a text',
      { ...request('stop'), request_id: 5 },
      'control_command.request_id must be a string, got 5',
    ],
    [
      'a uuid of integers',
      { ...request('stop'), agent_id: [1, 2] },
      'control_command.agent_id must be a uuid: 16 bytes, or a string, got a list',
    ],
    [
      'a negative limit',
      ['list_agents_request', 'r1', null, -1],
      'list_agents_request.limit must be an integer from 0, got -1',
    ],
    [
      'a fraction',
      ['list_agents_request', 'r1', null, 1.5],
      'list_agents_request.limit must be an integer from 0, got 1.5',
    ],
    [
      'too many elements',
      ['health_check_request', 'r1', 1],
      'health_check_request must have at most 2 elements, got 3',
    ],
    [
      'nil for a list',
      { type: 'list_agents_response', request_id: 'r1', success: true, agents: null },
      'list_agents_response.agents must be a list, got null',
    ],
    ['no tag', { request_id: 'r1' }, 'type must be the first element or the key "type", got a map'],
    ['a scalar', 42, 'type must be the first element or the key "type", got 42'],
  ])('names field, rule and value of %s', (_title, message, problem) => {
    const decoded = decode(pack(message));
    expect(decoded).toMatchObject({ ok: false, error: { code: 'MESSAGE_INVALID' } });
    expect(decoded.ok ? '' : decoded.error.details.problem).toContain(problem);
  });

  it('never repeats the value of an environment variable', () => {
    const decoded = decode(
      pack({ type: 'spawn_request', request_id: 'r1', config: { environment: { TOKEN: 81_263_407 } } }),
    );
    expect(decoded).toMatchObject({ ok: false, requestId: 'r1', type: 'spawn_request' });
    expect(JSON.stringify(decoded.ok ? '' : [decoded.error.message, decoded.error.details])).not.toContain('81263407');
  });

  it('still knows request, type and agent of a message that it refuses', () => {
    expect(decode(pack(request('fly')))).toMatchObject({
      ok: false,
      requestId: 'r1',
      type: 'control_command',
      agentId: UUID,
    });
    const cut = pack(['control_command', 'r7', 'x'.repeat(50)]).subarray(0, 30);
    expect(decode(cut)).toMatchObject({
      ok: false,
      requestId: 'r7',
      type: 'control_command',
      error: { code: 'MESSAGE_INVALID' },
    });
  });

  it('accepts 10 MiB to the byte, refuses one more, and still knows the request', () => {
    const at = (size: number) => {
      const head = pack({ type: 'tree_request', request_id: 'r1', operation: '' });
      return pack({ type: 'tree_request', request_id: 'r1', operation: 'x'.repeat(size - head.length - 4) });
    };
    expect(at(10_485_760)).toHaveLength(10_485_760);
    expect(decode(at(10_485_760))).toMatchObject({ ok: true });
    const refused = decode(at(10_485_761));
    expect(refused).toMatchObject({
      ok: false,
      requestId: 'r1',
      type: 'tree_request',
      error: { code: 'MESSAGE_TOO_LARGE' },
    });
    expect(refused.ok ? '' : refused.error.message).toBe(
      'Message size 10485761 exceeds maximum allowed size 10485760.',
    );
  });

  it.each([
    ['a million arrays in each other', Buffer.alloc(1_000_000, 0x91), `nested deeper than ${MAX_DEPTH}`],
    [
      'one array too many in each other',
      Buffer.concat([Buffer.alloc(MAX_DEPTH + 1, 0x91), Buffer.from([1])]),
      `nested deeper than ${MAX_DEPTH}`,
    ],
    ['an array that claims four thousand million elements', Buffer.from('ddffffffff', 'hex'), 'ends too early'],
    ['a map that claims more than there is', Buffer.from('82a161', 'hex'), 'ends too early'],
    ['bytes that claim more than there is', Buffer.from('c6ffffffff00', 'hex'), 'ends too early'],
    ['an extension that would define a record', Buffer.from('d4724091a161c0', 'hex'), 'extension'],
    ['a time stamp', Buffer.from('d6ff6553f100', 'hex'), 'extension'],
    ['a key that is a number', Buffer.from('810102', 'hex'), 'key is not a string'],
    ['a byte that means nothing', Buffer.from('91c1', 'hex'), '0xc1'],
    ['nothing at all', Buffer.alloc(0), 'empty'],
  ])('refuses %s', (_title, bytes, problem) => {
    const decoded = decode(bytes);
    expect(decoded.ok ? '' : decoded.error.message).toContain(problem);
  });

  it('accepts 64 arrays in each other', () => {
    expect(scan(Buffer.concat([Buffer.alloc(64, 0x91), Buffer.from([1])]))).toMatchObject({ end: 65, problem: null });
  });

  it('does not let a key reach a prototype', () => {
    const bytes = Buffer.concat([
      Buffer.from('82a474797065', 'hex'),
      pack('tree_request'),
      Buffer.from('a95f5f70726f746f5f5f81a16101', 'hex'),
    ]);
    decode(bytes);
    expect(({} as Record<string, unknown>).a).toBeUndefined();
    expect(typeOfTag('constructor')).toBeNull();
  });
});

describe('pack', () => {
  it.each([
    [1_700_000_000_000, 'd30000018bcfe56800'],
    [2 ** 32, 'd30000000100000000'],
    [4_294_967_295, 'ceffffffff'],
    [-(2 ** 31) - 1, 'd3ffffffff7fffffff'],
    [-1, 'ff'],
    [127, '7f'],
    [1.5, 'cb3ff8000000000000'],
  ])('writes %d without a float unless it is one', (number, hex) => {
    expect(pack(number).toString('hex')).toBe(hex);
  });

  it('writes plain maps in their shortest form, bytes as bin, and leaves out undefined values', () => {
    expect(pack({ a: undefined, b: new Uint8Array([7]), c: { at: 2 ** 33 }, d: () => 1 }).toString('hex')).toBe(
      '82a162c40107a16381a26174d30000000200000000',
    );
  });

  it('does not change its argument', () => {
    const given = Object.freeze({ list: Object.freeze([2 ** 40, undefined]), gone: undefined });
    expect(unpack(pack(given))).toEqual({ list: [2 ** 40, null] });
  });
});

describe('encode', () => {
  it('writes uuids as 16 bytes, times as two integers and optional fields as nil', () => {
    const bytes = encode<MessageType>({
      type: 'status_update',
      agent_id: UUID,
      update_type: 'completed',
      timestamp: [1_700_000_000, 5],
    });
    expect(unpack(bytes)).toEqual({
      type: 'status_update',
      agent_id: Buffer.from(UUID.replaceAll('-', ''), 'hex'),
      update_type: 'completed',
      status: null,
      message: null,
      data: null,
      timestamp: [1_700_000_000, 5],
    });
  });

  it('refuses to send more than 10 MiB', () => {
    const data = 'x'.repeat(10_485_760);
    expect(() => encode<'tree_response'>({ type: 'tree_response', request_id: 'r', success: true, data })).toThrow(
      /exceeds maximum allowed size/,
    );
  });
});
