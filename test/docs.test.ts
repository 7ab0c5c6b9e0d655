import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ENTRY_POINTS } from '../docs/api-page.js';
import { GENERATED } from '../docs/generate.js';
import { CHARTS } from '../docs/machines-page.js';
import { aliasOf, allStates, mermaid } from '../docs/mermaid.js';
import { errorCatalogue } from '../src/errors.js';
import { OPERATIONS } from '../src/protocol/operations.js';
import { MESSAGES } from '../src/protocol/protocol.js';
import { brokenLinks } from './docs/links.js';
import { complaintsAbout, snippetsOf } from './docs/snippets.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['README.md', 'CONTRIBUTING.md', ...pagesIn('docs'), ...pagesIn('docs/decisions')].filter((page) =>
  existsSync(`${ROOT}${page}`),
);

describe('the generated files', () => {
  for (const { file, text } of GENERATED) {
    it(`say in ${basename(file)} what the sources say (otherwise: npm run generate), each time`, () => {
      const inFile = readFileSync(file, 'utf8');
      expect(text()).toBe(inFile);
      expect(text()).toBe(inFile);
    });
  }

  it('name every error, message and operation in the reference', () => {
    const reference = readFileSync(`${ROOT}docs/reference.md`, 'utf8');
    const names = [
      ...errorCatalogue().map(({ code }) => `| \`${code}\` |`),
      ...Object.keys(MESSAGES).map((type) => `#### ${type}\n`),
      ...Object.keys(OPERATIONS).map((operation) => `| \`${operation}\` |`),
    ];
    expect(names.filter((name) => !reference.includes(name))).toEqual([]);
  });

  it('have a section in the API for every entry point of the package', () => {
    const { exports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
    const modules = Object.keys(exports).filter((path) => !path.endsWith('.json'));
    expect(ENTRY_POINTS.map(({ name }) => name).toSorted()).toEqual(
      modules.map((path) => path.replace(/^\./, 'supertree')).toSorted(),
    );
  });

  it('leave no cell of the reference undefined', () => {
    expect(readFileSync(`${ROOT}docs/reference.md`, 'utf8')).not.toMatch(/undefined|\[object/);
  });
});

describe.each(CHARTS)('the drawing of %s', (_title, _about, machine) => {
  const lines = mermaid(machine)
    .split('\n')
    .map((line) => line.trim());
  const declared = lines.flatMap((line) => /^state ".*" as (\w+)/.exec(line)?.[1] ?? []);

  it('has every state once', () => {
    expect(declared.toSorted()).toEqual(allStates(machine.root).map(aliasOf).sort());
  });

  it('is a diagram of states in which every box is closed', () => {
    expect(lines[0]).toBe('stateDiagram-v2');
    expect(lines.filter((line) => line === '}')).toHaveLength(lines.filter((line) => line.endsWith('{')).length);
    const known = /^(stateDiagram-v2|state "\w+" as \w+( \{)?|\}|\[\*\] --> \w+|\w+ --> \w+ : [\w. *]+( \[\w+\])?)$/;
    expect(lines.filter((line) => !known.test(line))).toEqual([]);
  });

  it('has arrows only between its states, none twice, and none between a state and one within it', () => {
    const pairs = lines.flatMap((line) => {
      const [, from = '', to = ''] = /^(\w+) --> (\w+) :/.exec(line) ?? [];
      return from === '' ? [] : [{ from, to, line }];
    });
    expect(pairs.flatMap(({ from, to }) => [from, to]).filter((name) => !declared.includes(name))).toEqual([]);
    expect(pairs.filter(({ from, to }) => from.startsWith(`${to}_`) || to.startsWith(`${from}_`))).toEqual([]);
    expect(pairs.map(({ line }) => line)).toEqual([...new Set(pairs.map(({ line }) => line))]);
  });
});

describe('the pages', () => {
  it('have examples in TypeScript that compile as they stand, where a planted one does not', () => {
    const snippets = PAGES.flatMap((page) => snippetsOf(ROOT, page));
    expect(snippets.map(({ page }) => page)).toContain('README.md');
    const text = "import { createTree } from 'supertree';\ncreateTree({ childs: [] });\n";
    // One program for all: most of the time goes into reading the types that they import.
    const complaints = complaintsAbout(ROOT, [...snippets, { page: 'PLANTED.md', line: 10, text }]);
    expect(complaints).toEqual([expect.stringMatching(/^PLANTED\.md:11 .*childs/)]);
  });

  it('have no link within the package that leads nowhere', () => {
    expect(PAGES.flatMap((page) => brokenLinks(ROOT, page))).toEqual([]);
  });
});

function pagesIn(folder: string): string[] {
  return readdirSync(`${ROOT}${folder}`)
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}
