import { describe, expect, it } from 'vitest';
import { age, size } from '../../src/cli/format.js';
import { table } from '../../src/cli/table.js';
import { abbreviate, displayWidth, pad, truncate } from '../../src/cli/width.js';
import { printable } from '../../src/model/printable.js';

describe('age', () => {
  it.each([
    [0, '0s'],
    [999, '0s'],
    [12_000, '12s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [7_200_000, '2h'],
    [4 * 86_400_000, '4d'],
    [-5_000, '0s'],
  ])('of %d ms is %s', (ms, text) => expect(age(1_000_000 - ms, 1_000_000)).toBe(text));
});

describe('size', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [12_345_678, '12.3 MB'],
    [2_000_000_000, '2.0 GB'],
    [5_000_000_000_000_000, '5000.0 TB'],
  ])('of %d is %s', (bytes, text) => expect(size(bytes)).toBe(text));
});

describe('display width', () => {
  it.each([
    ['abc', 3],
    ['äöü', 3],
    ['a\u0308', 1],
    ['日本', 4],
    ['한글', 4],
    ['🚀', 2],
    ['', 0],
  ])('of %j is %d', (text, width) => expect(displayWidth(text)).toBe(width));

  it('decides about padding and cutting', () => {
    expect(pad('日', 4)).toBe('日  ');
    expect(truncate('日本語', 5)).toBe('日本…');
    expect(truncate('日本語', 4)).toBe('日…');
    expect(truncate('abc', 3)).toBe('abc');
  });
});

describe('abbreviation', () => {
  it.each([
    ['root/workers/pool/17', 11, 'root/…ol/17'],
    ['root/workers/pool/17', 20, 'root/workers/pool/17'],
    ['abcdef', 2, 'a…'],
    ['abcdef', 1, '…'],
    ['日本語日本語', 7, '日…語'],
  ])('of %j to %d columns is %j', (text, width, short) => expect(abbreviate(text, width)).toBe(short));
});

describe('printable', () => {
  it('keeps text and spells out control characters', () => {
    expect(printable('päth 日 \x1b[2J\x00\n\t\u009b')).toBe('päth 日 \\x1b[2J\\x00\\n\\t\\u009b');
  });
});

describe('table', () => {
  it('is aligned by display width', () => {
    const columns = [
      { title: 'NAME', cell: ([name]: [string, number]) => name },
      { title: 'N', align: 'right' as const, cell: ([, n]: [string, number]) => String(n) },
    ];
    expect(
      table(
        columns,
        [
          ['日本語', 1],
          ['a', 100],
        ],
        Number.POSITIVE_INFINITY,
      ),
    ).toEqual(['NAME      N', '日本語    1', 'a       100']);
  });
});
