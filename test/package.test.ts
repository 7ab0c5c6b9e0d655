import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { below, readSources } from './architecture/sources.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));

/** The files that `npm publish` would ship, by what is built now. */
function packed(): string[] {
  const text = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const [{ files }] = JSON.parse(text);
  return files.map(({ path }: { path: string }) => path);
}

describe('the package', () => {
  const files = packed();

  it('ships the build, the schema, the docs and its papers, and nothing else', () => {
    const tops = new Set(files.map((file) => file.split('/')[0]));
    expect([...tops].toSorted()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'docs', 'package.json', 'schema'].toSorted(),
    );
    expect(files.filter((file) => file.startsWith('docs/') && !file.endsWith('.md'))).toEqual([]);
  });

  it('ships every file that its exports and its command name, with types', () => {
    const targets = [manifest.exports, manifest.bin].flatMap(leaves).map((target) => target.replace('./', ''));
    expect(targets.filter((target) => !files.includes(target))).toEqual([]);
    const entries = Object.values<Record<string, string> | string>(manifest.exports).filter(
      (entry) => typeof entry === 'object',
    );
    expect(entries.every((entry) => typeof entry === 'object' && entry.types !== undefined)).toBe(true);
  });

  it('refers to no source map that it does not ship', () => {
    const maps = files.filter((file) => file.endsWith('.map'));
    const missing = files
      .filter((file) => file.endsWith('.js') && existsSync(`${ROOT}${file}`))
      .filter((file) => readFileSync(`${ROOT}${file}`, 'utf8').includes('sourceMappingURL='));
    expect({ maps, missing }).toEqual({ maps: [], missing: [] });
  });

  it('has types that are small, and whose entry points keep out the types of charts', () => {
    const declarations = files.filter((file) => file.startsWith('dist/machines/') && file.endsWith('.d.ts'));
    const large = declarations.filter((file) => readFileSync(`${ROOT}${file}`).length > MAX_DECLARATION);
    expect(large).toEqual([]);
    expect([...reached('dist/machines/index.d.ts').keys()]).toEqual(['dist/machines/index.d.ts']);
  });

  it('needs no types of XState to talk to a server', () => {
    const importers = [...reached('dist/client.d.ts')].filter(([, imports]) => imports.includes('xstate'));
    expect(importers.map(([file]) => file)).toEqual([]);
  });

  it('says to bundlers that only its programs do something when they are loaded', () => {
    const programs = ['cli/main', 'drivers/keeper/program/main'];
    const built = ['dist/cli/main.js', 'dist/drivers/keeper/program/main.cjs'];
    expect(manifest.sideEffects).toEqual(built.map((file) => `./${file}`));
    expect(built.filter((file) => !files.includes(file))).toEqual([]);
    expect(effectfulFiles(below(readSources(ROOT, ['src']), 'src'))).toEqual(programs.map((name) => `src/${name}.ts`));
  });

  it('says whose it is, and where to report, and installs on every system', () => {
    expect(manifest).toMatchObject({ license: 'MIT', author: expect.any(String), keywords: expect.any(Array) });
    expect([manifest.homepage, manifest.bugs.url, manifest.repository.url].every(Boolean)).toBe(true);
    expect(manifest.os).toBeUndefined();
  });
});

/** In bytes. */
const MAX_DECLARATION = 10_000;

/** The declaration files that one imports, itself among them, each with all that it imports. */
function reached(entry: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const pending = [entry];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const text = readFileSync(`${ROOT}${file}`, 'utf8');
    const imports = [...text.matchAll(/(?:\bfrom|\bimport\()\s*['"]([^'"]+)['"]/g)].map(([, target]) => target ?? '');
    found.set(file, imports);
    const own = imports.filter((target) => target.startsWith('.'));
    pending.push(...own.map((to) => join(dirname(file), to.replace(/\.js$/, '.d.ts'))).filter((to) => !found.has(to)));
  }
  return found;
}

/** The files with a statement that is no declaration and does something when they are loaded. */
function effectfulFiles(sources: ReadonlyMap<string, string>): string[] {
  const acts = (statement: ts.Statement): boolean =>
    ts.isExpressionStatement(statement) ||
    ts.isIfStatement(statement) ||
    ts.isIterationStatement(statement, false) ||
    (ts.isImportDeclaration(statement) && statement.importClause === undefined);
  return [...sources].flatMap(([file, text]) =>
    ts.createSourceFile(file, text, ts.ScriptTarget.Latest).statements.some(acts) ? [file] : [],
  );
}

function leaves(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];
}
