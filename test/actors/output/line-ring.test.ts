import { describe, expect, it } from 'vitest';
import { LineRing } from '../../../src/actors/output/line-ring.js';
import { Merge } from '../../../src/actors/output/merge.js';
import type { OutputLine } from '../../../src/contract/view.js';
import fc from '../../fast-check.js';

const LIMIT = 64;

const line = fc.record({
  stream: fc.constantFrom('stdout', 'stderr'),
  bytes: fc.uint8Array({ maxLength: LIMIT }),
  partial: fc.boolean(),
  at: fc.nat(),
});

/** The lines that should be in a ring: the last ones that fit. */
function fitting(lines: readonly OutputLine[], maxLines: number): OutputLine[] {
  let bytes = 0;
  const kept = lines.slice(-maxLines).reverse();
  const end = kept.findIndex((each) => {
    bytes += each.bytes.length;
    return bytes > LIMIT;
  });
  return kept.slice(0, end < 0 ? kept.length : end).reverse();
}

describe('two rings of lines', () => {
  it('contain the last lines that fit, and give any part of them in the order of arrival', () => {
    const history = fc.array(line, { maxLength: 60 });
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 20 }), fc.nat(50), fc.nat(50), (added, maxLines, skip, limit) => {
        const rings = {
          stdout: new LineRing('stdout', LIMIT, maxLines),
          stderr: new LineRing('stderr', LIMIT, maxLines),
        };
        const lines: OutputLine[] = added.map(({ stream, bytes, partial, at }, arrival) => {
          const ring = rings[stream as 'stdout'];
          const expected = { seq: ring.next, stream: stream as 'stdout', at, partial, bytes: Buffer.from(bytes) };
          ring.add(bytes, partial, at, arrival);
          return expected;
        });
        const kept = (['stdout', 'stderr'] as const).flatMap((name) =>
          fitting(
            lines.filter(({ stream }) => stream === name),
            maxLines,
          ),
        );
        const expected = lines.filter((each) => kept.includes(each)).slice(skip, skip + limit);
        const merge = new Merge([{ ring: rings.stdout }, { ring: rings.stderr }]);
        merge.skip(skip);
        expect(merge.take(limit)).toEqual(expected);
      }),
    );
  });

  it('give copies: a line that was read stays the same when the ring has dropped it', () => {
    const ring = new LineRing('stdout', 8, 2);
    ring.add(Buffer.from('first'), false, 1, 0);
    const [read] = ring.lines(0, 1);
    for (const text of ['second', 'third', 'fourth']) ring.add(Buffer.from(text), false, 1, 1);
    expect(String(read?.bytes)).toBe('first');
    expect(ring.first).toBe(3);
  });
});
