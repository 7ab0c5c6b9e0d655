import { describe, expect, it } from 'vitest';
import { pack, unpack } from '../../src/protocol/codec.js';
import { decode, decodeAnswer, encode } from '../../src/protocol/decode.js';
import { hasParts, keepPacked, packedInParts, partsOf, withLastField } from '../../src/protocol/packed-parts.js';

function bytesOf(value: unknown): Buffer {
  const parts: Buffer[] = [];
  partsOf(value, parts);
  return Buffer.concat(parts);
}

const row = (n: number) => ({
  path: `root/a${n}`,
  since: 1_700_000_000_000 + n,
  gone: undefined,
  metadata: { n: 'ö' },
  usage: null as object | null,
});

const answer = (data: unknown) => ({ type: 'tree_response', request_id: 'r', success: true, data }) as const;

describe('a message that is joined from parts', () => {
  it.each([0, 1, 15, 16, 300, 70_000])('is as it would be packed: a list of %d', (count) => {
    const rows = Array.from({ length: count }, (_, n) => row(n));
    expect(bytesOf(packedInParts(rows.map(keepPacked))).equals(pack(rows))).toBe(true);
  });

  it('is as it would be packed: maps, also large ones, in maps', () => {
    const large = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`key${n}`, n]));
    const tree = { kind: 'supervisor', children: [row(1), row(2)], ...large };
    const parted = packedInParts({ ...tree, children: packedInParts(tree.children.map(keepPacked)) });
    expect(bytesOf(parted).equals(pack(tree))).toBe(true);
  });

  it('packs a kept value once, and another last field beside it', () => {
    const kept = keepPacked(row(1));
    const usage = { cpu: 1.5, memory: 2 ** 33 };
    const first = bytesOf(kept);
    kept.path = 'changed against the rules';
    expect(bytesOf(kept)).toEqual(first);
    expect(bytesOf(withLastField(kept, 'usage', usage)).equals(pack({ ...row(1), usage }))).toBe(true);
    expect(withLastField(keepPacked(row(2)), 'usage', usage)).toEqual({ ...row(2), usage });
  });

  it('contains the type of the value', () => {
    expect([row(1), null, 'text', 1].some(hasParts)).toBe(false);
    expect(
      [keepPacked(row(1)), packedInParts([]), withLastField(keepPacked(row(1)), 'usage', {})].every(hasParts),
    ).toBe(true);
  });
});

describe('the answer to an operation', () => {
  it.each([
    ['a row', row(1), keepPacked(row(1))],
    ['rows', [row(1), row(2)], packedInParts([keepPacked(row(1)), row(2)])],
  ])('says the same with and without kept bytes: %s', (_, plain, kept) => {
    const bytes = encode<'tree_response'>(answer(kept));
    expect(unpack(bytes)).toEqual(unpack(encode<'tree_response'>(answer(plain))));
    expect(decode(bytes)).toEqual(decode(encode<'tree_response'>(answer(plain))));
  });

  it.each([
    ['data with wide integers', answer({ since: 1_700_000_000_000, list: [1, -2, 2 ** 33], bytes: Buffer.from([1]) })],
    ['no data', { type: 'tree_response', request_id: 'r', success: true }],
    ['an error', { type: 'tree_response', request_id: 'r', success: false, error: 'e', code: 'TIMEOUT', details: {} }],
    ['another message', { type: 'health_check_response', request_id: 'r', healthy: true, protocol_version: '1.0.0' }],
    ['no number', { type: 'tree_response', success: true }],
    ['an error that is no text', { type: 'tree_response', request_id: 'r', success: false, error: 1 }],
    ['nothing', null],
  ])('is read by a client as by anybody: %s', (_, message) => {
    const bytes = pack(message);
    expect(decodeAnswer(bytes)).toEqual(decode(bytes));
  });

  it.each([
    ['an empty one', ''],
    ['one that breaks off', '82a474797065'],
    ['one with something behind it', 'c0c0'],
    ['one of an unknown type', 'c1'],
  ])('is refused by a client as by anybody: %s', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(decodeAnswer(bytes)).toEqual(decode(bytes));
  });
});
