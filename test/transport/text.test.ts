import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answer } from '../../src/control/answer.js';
import { cut, SupertreeError } from '../../src/errors.js';
import { problemText, shown } from '../../src/model/problem.js';
import { pack } from '../../src/protocol/codec.js';
import { decode, encode } from '../../src/protocol/decode.js';
import { strictDecode } from '../protocol/strict-decoder.js';
import { readNode } from '../protocol/strict-msgpack.js';
import { createRig, type Rig } from './rig.js';

/** Two code units, four bytes. */
const FACE = '\u{1f600}';

let rig: Rig;

beforeAll(async () => {
  rig = await createRig({ actions: { half: () => ({ half: FACE.slice(0, 1), whole: FACE }) } });
});

afterAll(() => rig.close());

/** An answer, read by a strict reader: it throws for a string that is not UTF-8. */
const ask = async (message: object) => strictDecode(await answer(rig.control, pack(message), () => {}));

describe('a text that is cut', () => {
  it('keeps its last character whole', () => {
    expect(cut('abc', 3)).toBe('abc');
    expect(cut('abc', 2)).toBe('ab');
    expect(cut(`ab${FACE}`, 3)).toBe('ab');
    expect(cut(`ab${FACE}c`, 4)).toBe(`ab${FACE}`);
    expect(cut(FACE, 0)).toBe('');
  });

  // Of two texts that differ by one unit, one is cut amid a pair wherever the cut is.
  it.each(['', 'x'])('is text in every answer, behind %j', async (shift) => {
    const long = shift + FACE.repeat(6_000);
    const { uuid } = rig.tree.member('web');
    const refused = await Promise.all([
      ask({ type: 'control_command', request_id: 'r', agent_id: uuid, command_type: long }),
      ask({ type: 'control_command', request_id: 'r', agent_id: long, command_type: 'stop' }),
      ask({ type: 'custom_action_request', request_id: 'r', agent_id: uuid, action: long }),
      ask({ type: 'batch_control_command', request_id: 'r', agent_ids: [long], command_type: 'stop' }).then(
        ({ results }) => (results as { success: boolean; error: string }[])[0],
      ),
    ]);
    for (const each of refused) expect(each).toMatchObject({ success: false, error: expect.stringContaining(FACE) });
    const error = new SupertreeError('INTERNAL', { problem: long });
    expect(error.message.isWellFormed()).toBe(true);
    expect(problemText({ path: long, rule: 'is', got: shown(long) }).isWellFormed()).toBe(true);
  });

  it.each(['', 'x'])(
    'is text when it is the id of a request that leaves no room for its answer, behind %j',
    async (shift) => {
      const id = shift + FACE.repeat(2_621_400);
      const { request_id } = await ask({ type: 'health_check_request', request_id: id });
      expect(request_id).toBe(shift + FACE.repeat(shift === '' ? 128 : 127));
    },
  );
});

describe('half a pair of surrogates', () => {
  it('that a program gave is U+FFFD for a strict reader', async () => {
    const { uuid } = rig.tree.member('web');
    const reply = await ask({ type: 'custom_action_request', request_id: 'r', agent_id: uuid, action: 'half' });
    expect(reply).toMatchObject({ data: { result: { half: '\ufffd', whole: FACE } } });
    const response = encode<'accepted'>({ type: 'accepted', request_id: FACE.slice(1) });
    expect(decode(response)).toMatchObject({ message: { request_id: '\ufffd' } });
  });

  it.each(['a1ff', 'a2c328', 'a3eda0bd', 'a4f09f98', 'd901ff', `d940${'61'.repeat(63)}ff`, '81a1ffc0'])(
    'or anything else that is not UTF-8 is refused by the strict reader of the tests: %s',
    (hex) => {
      expect(() => readNode(Buffer.from(hex, 'hex'))).toThrow();
    },
  );
});

describe('a string of a request that is not UTF-8', () => {
  const before = pack({ type: 'spawn_request', request_id: 'r1', config: { name: 'n', task: '' } });
  /** The same request with these bytes as its task. */
  const withTask = (bytes: Buffer) => Buffer.concat([before.subarray(0, -1), Buffer.from([0xd9, bytes.length]), bytes]);

  it.each([
    ['a byte that means nothing', Buffer.from('r\xff', 'latin1')],
    ['a character that breaks off', Buffer.from(FACE).subarray(0, 3)],
    ['half a pair of surrogates', Buffer.from('eda0bd', 'hex')],
    ['a long way of writing a short one', Buffer.from('c0af', 'hex')],
    ['one at the end of a long text', Buffer.concat([Buffer.alloc(200, 'a'), Buffer.from([0x80])])],
  ])('is refused with its place: %s', (_title, bytes) => {
    expect(decode(withTask(bytes))).toMatchObject({
      ok: false,
      requestId: 'r1',
      type: 'spawn_request',
      error: { code: 'MESSAGE_INVALID', details: { problem: `a string is not UTF-8 at byte ${before.length - 1}` } },
    });
  });

  it.each(['ünï', FACE, '\u{10ffff}', '\0', '\ufeffx', `${'a'.repeat(200)}é`])(
    'does not include valid text: %s',
    (task) => {
      expect(decode(withTask(Buffer.from(task)))).toMatchObject({ ok: true, message: { config: { task } } });
    },
  );

  it('is refused in the place of a key and of an id, which cannot be answered', () => {
    const id = Buffer.from('92ac6865616c74685f636865636ba272ff', 'hex');
    expect(decode(id)).toMatchObject({ ok: false, requestId: '', error: { code: 'MESSAGE_INVALID' } });
    expect(decode(Buffer.from('81a1ffc0', 'hex'))).toMatchObject({ ok: false, error: { code: 'MESSAGE_INVALID' } });
  });

  it('does not hide the id of a request that stands behind it', () => {
    const bytes = Buffer.concat([
      Buffer.from('84a16ba1ff', 'hex'),
      pack({ type: 'control_command', request_id: 'r9', agent_id: '00112233445566778899aabbccddeeff' }).subarray(1),
    ]);
    expect(decode(bytes)).toMatchObject({
      ok: false,
      requestId: 'r9',
      type: 'control_command',
      agentId: '00112233-4455-6677-8899-aabbccddeeff',
    });
  });

  it('does not include bytes, which may have any value', () => {
    const bytes = pack({
      type: 'tree_request',
      request_id: 'r',
      operation: 'send',
      params: { data: Buffer.from([255]) },
    });
    expect(decode(bytes)).toMatchObject({ ok: true });
  });
});
