import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

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

  it('says whose it is, and where to report, and installs on every system', () => {
    expect(manifest).toMatchObject({ license: 'MIT', author: expect.any(String), keywords: expect.any(Array) });
    expect([manifest.homepage, manifest.bugs.url, manifest.repository.url].every(Boolean)).toBe(true);
    expect(manifest.os).toBeUndefined();
  });
});

function leaves(value: unknown): string[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];
}
