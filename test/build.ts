import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './program.js';

/** Vitest's global setup: programs in tests run the build, so one that is older than its sources is made anew. */
export default function build(): void {
  if (newest('src') > newest('dist'))
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
}

/** When a file of the folder was last written, ms since the epoch; 0 without such a folder. */
function newest(folder: string): number {
  try {
    const files = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
    return Math.max(0, ...files.map((file) => statSync(join(ROOT, folder, file)).mtimeMs));
  } catch {
    return 0;
  }
}
