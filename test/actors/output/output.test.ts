import { describe, expect, it } from 'vitest';
import { createOutput, type Output } from '../../../src/actors/output/output.js';
import type { Clock } from '../../../src/contract/clock.js';
import { systemClock } from '../../../src/contract/clock.js';
import type { OutputQuery } from '../../../src/contract/view.js';
import fc from '../../fast-check.js';

const PLAN = { bytes: 1000, lines: 10, lineBytes: 100 };
const bytes = (text: string) => Buffer.from(text);
const texts = (output: Output, query?: OutputQuery) =>
  output.page(query).lines.map((line) => Buffer.from(line.bytes).toString());
const numbered = (count: number, plan = PLAN) => {
  const output = createOutput(plan, systemClock);
  for (let line = 0; line < count; line += 1) output.push('stdout', bytes(`${line}\n`));
  return output;
};

describe('the output of an agent', () => {
  it('splits bytes into lines, whatever the chunks are', () => {
    const output = createOutput(PLAN, systemClock);
    for (const piece of ['a', 'b\nc', '\n\n', 'd\r\n', 'e']) output.push('stdout', bytes(piece));
    expect(texts(output)).toEqual(['ab\n', 'c\n', '\n', 'd\r\n']);
    output.endOfIncarnation();
    output.endOfIncarnation();
    expect(texts(output)).toEqual(['ab\n', 'c\n', '\n', 'd\r\n', 'e']);
    expect(output.page().lines.at(-1)).toMatchObject({ seq: 4, stream: 'stdout', partial: false });
  });

  it('keeps every byte in order and numbers without a gap, for any bytes in any pieces', () => {
    const piece = fc.uint8Array({ maxLength: 60 }).map((raw) => raw.map((byte) => (byte % 5 === 0 ? 10 : byte)));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 40 }), (pieces, lineBytes) => {
        const output = createOutput({ bytes: 1e6, lines: 1e6, lineBytes }, systemClock);
        for (const part of pieces) output.push('stdout', part);
        output.endOfIncarnation();
        const { lines } = output.page();
        expect(Buffer.concat(lines.map((line) => line.bytes))).toEqual(Buffer.concat(pieces));
        expect(lines.map((line) => line.seq)).toEqual(lines.map((_, index) => index));
        expect(lines.every((line) => line.bytes.length <= lineBytes)).toBe(true);
      }),
    );
  });

  it('marks every piece of a line that is too long', () => {
    const output = createOutput({ ...PLAN, lineBytes: 4 }, systemClock);
    output.push('stdout', bytes('abcdefghij\nok\nabc\n'));
    expect(texts(output)).toEqual(['abcd', 'efgh', 'ij\n', 'ok\n', 'abc\n']);
    expect(output.page().lines.map((line) => line.partial)).toEqual([true, true, true, false, false]);
  });

  it('does not change its lines when the buffer it was given changes', () => {
    const output = createOutput(PLAN, systemClock);
    const buffer = bytes('before\n');
    output.push('stdout', buffer);
    buffer.fill(0);
    expect(texts(output)).toEqual(['before\n']);
  });

  it('does not keep a large buffer alive for a small line', () => {
    const output = createOutput({ bytes: 1e6, lines: 1000, lineBytes: 65_536 }, systemClock);
    const chunk = Buffer.alloc(65_536, 'x');
    for (const size of [1, 500, 5000]) output.push('stdout', Buffer.concat([chunk.subarray(0, size), bytes('\n')]));
    for (const line of output.page().lines) expect(line.bytes.buffer.byteLength).toBeLessThanOrEqual(8192);
  });

  it('is bounded by lines and by bytes, each stream for itself, and counts what it drops', () => {
    const output = numbered(25);
    expect(texts(output)).toEqual(Array.from({ length: 10 }, (_, index) => `${index + 15}\n`));
    expect(output.dropped).toEqual({ stdout: 15, stderr: 0 });
    const narrow = createOutput({ bytes: 10, lines: 100, lineBytes: 100 }, systemClock);
    narrow.push('stderr', bytes('aaaa\nbbbb\ncccc\n'));
    expect(texts(narrow)).toEqual(['bbbb\n', 'cccc\n']);
    narrow.push('stderr', bytes(`${'d'.repeat(25)}\n`));
    expect(texts(narrow)).toEqual(['ddddd\n']);
  });

  it('answers from a cursor, the last ones, and at most so many', () => {
    const output = numbered(25);
    expect(texts(output, { from: 22 })).toEqual(['22\n', '23\n', '24\n']);
    expect(texts(output, { last: 2 })).toEqual(['23\n', '24\n']);
    expect(texts(output, { limit: 2 })).toEqual(['15\n', '16\n']);
    expect(texts(output, { last: 4, limit: 2 })).toEqual(['21\n', '22\n']);
    expect(texts(output, { from: 99 })).toEqual([]);
    expect(texts(output, { stream: 'stderr' })).toEqual([]);
  });

  it('says how many lines that were asked for are lost', () => {
    const output = numbered(25);
    expect(output.page().dropped).toBe(0);
    expect(output.page({ from: 10 }).dropped).toBe(5);
    expect(output.page({ from: 20 }).dropped).toBe(0);
    expect(output.page({ last: 12 }).dropped).toBe(2);
    expect(output.page({ last: 100 }).dropped).toBe(15);
    expect(output.page({ last: 5 }).dropped).toBe(0);
  });

  it('gives cursors with which a reader in small pages misses nothing', () => {
    const output = createOutput({ ...PLAN, lines: 100 }, systemClock);
    for (let line = 0; line < 7; line += 1) output.push('stdout', bytes(`${line}\n`));
    const seen: string[] = [];
    for (let from = 0; from < 7; ) {
      const page = output.page({ stream: 'stdout', from, limit: 3 });
      seen.push(...page.lines.map((line) => Buffer.from(line.bytes).toString().trim()));
      from = page.next.stdout;
    }
    expect(seen).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect(output.page().next).toEqual({ stdout: 7, stderr: 0 });
  });

  it('orders both streams as they came, also within one millisecond', () => {
    const still: Clock = { ...systemClock, wall: () => 5 };
    const output = createOutput(PLAN, still);
    output.push('stderr', bytes('1\n'));
    output.push('stdout', bytes('2\n'));
    output.push('stderr', bytes('3\n'));
    expect(texts(output, { stream: 'both' })).toEqual(['1\n', '2\n', '3\n']);
    expect(output.page({ last: 2, limit: 1 }).next).toEqual({ stdout: 1, stderr: 1 });
  });

  it('gives the last words of standard error of this incarnation as text', () => {
    const output = createOutput(PLAN, systemClock);
    output.push('stderr', bytes('old\n'));
    output.endOfIncarnation();
    expect(output.tail(5)).toEqual(['old']);
    output.startOfIncarnation();
    expect(output.tail(5)).toEqual([]);
    output.push('stderr', Buffer.from([0x61, 0xff, 0x0a]));
    output.push('stderr', bytes('b\r\nunfinished'));
    expect(output.tail(5)).toEqual(['a\ufffd', 'b', 'unfinished']);
    expect(output.tail(2)).toEqual(['b', 'unfinished']);
    expect(output.tail(0)).toEqual([]);
  });

  it('passes every line to its listeners until they are removed, also when one throws', () => {
    const problems: unknown[] = [];
    const output = createOutput(PLAN, systemClock, { onProblem: (thrown) => problems.push(thrown) });
    const received: number[] = [];
    output.onLine(() => {
      throw new Error('listener');
    });
    const leave = output.onLine((line) => received.push(line.seq));
    output.push('stdout', bytes('a\nb\n'));
    leave();
    leave();
    output.push('stdout', bytes('c\n'));
    expect(received).toEqual([0, 1]);
    expect(problems).toHaveLength(3);
    expect(output.page().lines).toHaveLength(3);
  });

  it('drops as cheaply with a hundred thousand lines as with ten', () => {
    const output = numbered(300_000, { bytes: 1e9, lines: 100_000, lineBytes: 100 });
    expect(output.page({ last: 1 }).next.stdout).toBe(300_000);
    expect(output.dropped.stdout).toBe(200_000);
    expect(texts(output, { from: 200_000, limit: 1 })).toEqual(['200000\n']);
  });
});
