import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SIZES = { C: 7, S: 7, R: 10, T: 6, P: 8, A: 9, U: 5 };
const IDS = Object.entries(SIZES).flatMap(([letter, size]) =>
  Array.from({ length: size }, (_, n) => `${letter}${n + 1}`),
);
/** The ids that speak of something that does not exist here. */
const INAPPLICABLE = ['S3', 'S4', 'S6', 'R9'];

const DOCUMENT = readFileSync(join(ROOT, 'docs/otp.md'), 'utf8');
const [RULES = '', DEVIATIONS = ''] = DOCUMENT.split('## Deviations');

/** Rows of the table of rules: id to its last cell. */
const ROWS = new Map([...RULES.matchAll(/^\| ([A-Z]\d+) \|.*\| (.*) \|$/gm)].map(([, id, where]) => [id, where ?? '']));

/** The test titles of one file; a template title counts with its constant beginning. */
function titlesIn(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  return [...source.matchAll(/\bit(?:\.each\([\s\S]*?\))?\(\s*(['"`])(.*?)\1/g)].map((match) => match[2] ?? '');
}

function testFiles(): string[] {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.test.ts')).map((file) => `test/${file}`);
}

describe('the table of rules', () => {
  it('contains every id once, in order', () => {
    expect([...RULES.matchAll(/^\| ([A-Z]\d+) \|/gm)].map(([, id]) => id)).toEqual(IDS);
  });

  it('names for each rule that applies a file with a test whose title begins with its id', () => {
    const untested = IDS.filter((id) => !INAPPLICABLE.includes(id)).filter((id) => {
      const file = ROWS.get(id)?.match(/^`(test\/[\w./-]+)`$/)?.[1];
      return (
        file === undefined || !testFiles().includes(file) || !titlesIn(file).some((title) => title.startsWith(`${id} `))
      );
    });
    expect(untested).toEqual([]);
  });

  it('gives the reason for each rule that does not apply', () => {
    expect([...ROWS].filter(([, where]) => where.startsWith('does not apply: ')).map(([id]) => id)).toEqual(
      INAPPLICABLE,
    );
  });

  it('knows every id that a test title or a deviation names', () => {
    const named = testFiles()
      .flatMap(titlesIn)
      .map((title) => title.match(/^([CSRTPAU]\d+) /)?.[1]);
    const deviating = [...DEVIATIONS.matchAll(/^\| ([^|]*[A-Z]\d[^|]*) \|/gm)].flatMap(
      ([, ids]) => ids?.match(/[A-Z]\d+/g) ?? [],
    );
    const unknown = [...named, ...deviating].filter((id) => id !== undefined && !IDS.includes(id));
    expect(deviating.length).toBeGreaterThan(0);
    expect(unknown).toEqual([]);
  });
});

const REFERENCE = readdirSync(join(ROOT, 'test/conformance')).filter((file) => file.startsWith('reference'));

describe('the reference model', () => {
  it.each(REFERENCE)('has at most 300 lines and shares nothing with the engine (%s)', (file) => {
    const source = readFileSync(join(ROOT, 'test/conformance', file), 'utf8');
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(300);
    const imports = [...source.matchAll(/\bfrom '([^']+)'/g)].map(([, from]) => from);
    expect(imports.filter((from) => !from?.startsWith('./reference'))).toEqual([]);
  });
});
