import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../program.js';

/** A copy of this package whose programs and keepers have another version. */
export interface OtherRelease {
  /** The words that run its command line. */
  readonly program: readonly string[];
  dispose(): void;
}

/** Copies the package. `oldest`: the oldest version that it understands. If not given, that of this release. */
export function otherRelease(version: number, oldest?: number): OtherRelease {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-release-'));
  for (const name of ['dist', 'package.json']) cpSync(join(ROOT, name), join(directory, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  setConstant(join(directory, 'dist'), 'KEEPER_VERSION', version);
  if (oldest !== undefined) setConstant(join(directory, 'dist'), 'OLDEST_VERSION', oldest);
  return {
    program: [process.execPath, join(directory, 'dist/cli/main.js')],
    dispose: () => rmSync(directory, { recursive: true }),
  };
}

/** In the bundles: that of the keeper, and one that the others share. */
function setConstant(directory: string, name: string, value: number): void {
  const assignment = new RegExp(`\\b${name} = \\d+;`, 'g');
  let count = 0;
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!/\.c?js$/.test(file)) continue;
    const path = join(directory, file);
    const text = readFileSync(path, 'utf8');
    const changed = text.replace(assignment, `${name} = ${value};`);
    if (changed === text) continue;
    writeFileSync(path, changed);
    count += 1;
  }
  if (count !== 2) throw new Error(`${name} is set in ${count} files`);
}
