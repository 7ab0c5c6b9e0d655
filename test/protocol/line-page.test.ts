import { describe, expect, it } from 'vitest';
import type { OutputLine } from '../../src/contract/view.js';
import { pack } from '../../src/protocol/codec.js';
import { packedLines } from '../../src/protocol/line-page.js';
import { lineView } from '../../src/protocol/line-view.js';
import { partsOf } from '../../src/protocol/packed-parts.js';
import fc from '../fast-check.js';

function packed(lines: readonly OutputLine[]): Buffer {
  const parts: Buffer[] = [];
  partsOf(packedLines(lines), parts);
  return Buffer.concat(parts);
}

const size = fc.oneof(fc.nat(300), fc.constantFrom(31, 32, 255, 256, 65_535, 65_536));
const text = size.map((length) => Buffer.alloc(length, 'a'));
const bytes = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary' }).map((each) => Buffer.from(each)) },
  { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  text,
);
const integer = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
);
const line = fc.record({
  seq: integer,
  stream: fc.constantFrom('stdout', 'stderr'),
  at: integer,
  partial: fc.boolean(),
  bytes,
});

describe('a page of lines that is written by hand', () => {
  it('has the same bytes as its lines packed one by one', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        expect(packed(lines as OutputLine[]).equals(pack(lines.map((each) => lineView(each as OutputLine))))).toBe(
          true,
        );
      }),
    );
  });
});
