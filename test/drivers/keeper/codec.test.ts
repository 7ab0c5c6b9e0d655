import { describe, expect, it } from 'vitest';
import {
  fromKeeper,
  GREETING,
  MAX_MESSAGE,
  MessageReader,
  toKeeper,
} from '../../../src/drivers/keeper/protocol/codec.js';
import {
  type FieldType,
  FROM_KEEPER,
  type FromKeeper,
  KEEPER_VERSION,
  type MessageTable,
  OLDEST_VERSION,
  TO_KEEPER,
  type ToKeeper,
} from '../../../src/drivers/keeper/protocol/messages.js';
import fc from '../../fast-check.js';

const FIELDS: Readonly<Record<FieldType, fc.Arbitrary<unknown>>> = {
  size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  // MessagePack has no -0.
  time: fc.double({ noNaN: true }).map((time) => time + 0),
  flag: fc.boolean(),
  text: fc.string({ unit: 'grapheme' }),
  'text or null': fc.option(fc.string()),
  'number or null': fc.option(fc.integer()),
  bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
};

/** Any message of a table. */
function messages<Message>(table: MessageTable): fc.Arbitrary<Message> {
  const each = Object.entries(table).map(([type, { fields }]) => {
    const values = Object.entries(fields).map(([name, field]) => [name, FIELDS[field]]);
    return fc.record({ type: fc.constant(type), ...Object.fromEntries(values) });
  });
  return fc.oneof(...each) as fc.Arbitrary<Message>;
}

/** The stream in pieces that end at these places, given as parts of its length. */
function pieces(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => Math.floor(cut * stream.length)), stream.length].sort((a, b) => a - b);
  return ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
}

function readAll<Message>(reader: MessageReader<Message>, stream: readonly Uint8Array[]): Message[] {
  return stream.flatMap((piece) => [...reader.push(piece)]);
}

/** The stream of a keeper that has sent one message with this body. */
function streamOf(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([GREETING, length, body]);
}

/** Why a reader refuses the stream. */
function problemOf(stream: Uint8Array, limit = MAX_MESSAGE): string | null {
  const reader = new MessageReader(fromKeeper, { limit });
  expect([...reader.push(stream)]).toEqual([]);
  expect([...reader.push(streamOf(fromKeeper.encode({ type: 'problem', text: 'late' })))]).toEqual([]);
  return reader.problem;
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });

describe('the protocol of the keeper', () => {
  it('carries every message in both directions, wherever the stream is cut', () => {
    const both = [
      [toKeeper, messages<ToKeeper>(TO_KEEPER)],
      [fromKeeper, messages<FromKeeper>(FROM_KEEPER)],
    ] as const;
    for (const [codec, message] of both) {
      fc.assert(
        fc.property(fc.array(message as fc.Arbitrary<never>, { maxLength: 8 }), cuts, (sent, at) => {
          const reader = new MessageReader<unknown>(codec);
          const stream = Buffer.concat([GREETING, ...sent.map((each) => codec.encode(each))]);
          expect(readAll(reader, pieces(stream, at))).toEqual(sent);
          expect([reader.problem, reader.isCut]).toEqual([null, false]);
        }),
      );
    }
  });

  it('never throws, and either reads or refuses, whatever bytes come', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (garbage, at) => {
        const reader = new MessageReader(toKeeper, { limit: 1000 });
        const stream = Buffer.concat([GREETING, garbage]);
        for (const { type } of readAll(reader, pieces(stream, at))) expect(TO_KEEPER).toHaveProperty([type]);
        expect(reader.problem !== null || reader.isCut || garbage.length === 0).toBe(true);
      }),
    );
  });

  it('knows when the stream ends within a message', () => {
    const reader = new MessageReader(fromKeeper);
    const stream = streamOf(fromKeeper.encode({ type: 'gone', agent: 1, record: 2 }).subarray(4));
    expect([...reader.push(stream.subarray(0, -1))]).toEqual([]);
    expect(reader.isCut).toBe(true);
    expect([...reader.push(stream.subarray(-1))]).toEqual([{ type: 'gone', agent: 1, record: 2 }]);
    expect(reader.isCut).toBe(false);
  });

  it('carries a message of the greatest length that arrives in small pieces', () => {
    const bytes = Buffer.alloc(MAX_MESSAGE - 32, 7);
    const frame = fromKeeper.encode({ type: 'output', agent: 1, record: 1, stream: 1, bytes });
    const stream = Buffer.concat([GREETING, frame]);
    const reader = new MessageReader(fromKeeper);
    const at = Array.from({ length: 400 }, (_, index) => index / 400);
    expect(readAll(reader, pieces(stream, at)).map((message) => 'bytes' in message && message.bytes.length)).toEqual([
      bytes.length,
    ]);
  });

  it.each([0, OLDEST_VERSION - 1, KEEPER_VERSION + 1, 0x47])('refuses version %i before anything else', (version) => {
    expect(problemOf(Buffer.of(version, 0, 0, 0, 0))).toBe(
      `it speaks version ${version} of the protocol, not ${OLDEST_VERSION} to ${KEEPER_VERSION}`,
    );
  });

  it('ignores messages of a newer keeper that it does not know, and no others', () => {
    const [unknown, gone, wrong] = ['917f', '93070102', '91070102'].map((hex) => {
      const body = Buffer.from(hex, 'hex');
      return Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]);
    });
    const reader = new MessageReader(fromKeeper, { newest: 255 });
    const stream = Buffer.concat([Buffer.of(KEEPER_VERSION + 1), unknown!, unknown!, gone!, unknown!, wrong!]);
    expect([...reader.push(stream)]).toEqual([{ type: 'gone', agent: 1, record: 2 }]);
    expect(reader.version).toBe(KEEPER_VERSION + 1);
    expect(reader.problem).not.toBeNull();
  });

  it('refuses a message that is longer than the limit before it has come', () => {
    const stream = streamOf(Buffer.alloc(101));
    expect(problemOf(stream.subarray(0, 6), 100)).toBe('a message has 101 bytes, the limit is 100');
  });

  it.each([
    ['no bytes', [], /end of/i],
    ['bytes that are no MessagePack', [0xc1], /./],
    ['bytes after the document', [0x91, 0x01, 0x00], /./],
    ['a document that is no array', [0x01], /not an array/],
    ['an unknown number', [0x91, 0x7f], /no message 127/],
    ['the name of a property of all objects', [0x91, 0xab, ...Buffer.from('constructor')], /no message constructor/],
    ['too few fields', [0x92, 0x07, 0x01], /gone has 2 parts/],
    ['too many fields', [0x94, 0x07, 0x01, 0x01, 0x01], /gone has 4 parts/],
    ['a field of another type', [0x93, 0x07, 0x01, 0xa1, 0x31], /record of gone is no size/],
    ['a negative size', [0x93, 0x07, 0x01, 0xff], /record of gone is no size/],
  ])('refuses %s', (_, body, problem) => {
    expect(problemOf(streamOf(Buffer.from(body)))).toMatch(problem);
  });
});
