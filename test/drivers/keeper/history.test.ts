import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../../src/actors/output/line-splitter.js';
import { History } from '../../../src/drivers/keeper/program/history.js';
import fc from '../../fast-check.js';

/** The lines of these chunks, numbered from `first`. */
function linesOf(chunks: Iterable<Uint8Array>, lineBytes: number, first = 0): string[] {
  const splitter = new LineSplitter(lineBytes);
  const lines: string[] = [];
  const take = (line: Uint8Array) => void lines.push(`${first + lines.length}: ${Buffer.from(line)}`);
  for (const chunk of chunks) splitter.push(chunk, take);
  splitter.flush(take);
  return lines;
}

describe('the history of a stream', () => {
  it('has the last lines, with the numbers that they have for whoever read everything', () => {
    const chunk = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 40 }).map((text) => Buffer.from(text));
    fc.assert(
      fc.property(fc.array(chunk), fc.integer({ min: 1, max: 12 }), (chunks, lineBytes) => {
        const history = new History(400, lineBytes);
        const all: Buffer[] = [];
        for (const each of chunks.filter(({ length }) => length > 0)) {
          history.add(each, 0);
          all.push(each);
        }
        const { lost, chunks: kept } = history.read();
        const lines = linesOf(all, lineBytes);
        expect(
          linesOf(
            kept.map(({ bytes }) => bytes),
            lineBytes,
            lost,
          ),
        ).toEqual(lines.slice(lost));
      }),
    );
  });

  it('keeps no more than its limit, which counts what a short chunk costs, and always the last chunk', () => {
    const history = new History(1000, 100);
    for (let line = 0; line < 100; line += 1) history.add(Buffer.from(`${line}\n`), line);
    const { lost, chunks } = history.read();
    expect(chunks.map(({ at }) => at)).toEqual([93, 94, 95, 96, 97, 98, 99]);
    expect(lost).toBe(93);
    history.add(Buffer.alloc(5000, 'x'), 100);
    expect(history.read()).toMatchObject({ lost: 100, chunks: [{ at: 100 }] });
  });

  it('copies the bytes, which are overwritten by the next read', () => {
    const history = new History(1000, 100);
    const bytes = Buffer.from('one\n');
    history.add(bytes, 0);
    bytes.fill('x');
    expect(Buffer.from(history.read().chunks[0]!.bytes).toString()).toBe('one\n');
  });
});
