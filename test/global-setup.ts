import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './program.js';

/**
 * Vitest's global setup. Programs in tests run the build, so a build that is older than the sources is renewed. The run has a runtime directory of its own:
 * vitest ends its workers by a signal, and the locks of their ports would stay in that of the user. Returns the teardown.
 */
export default function setup(): () => void {
  if (newest('src') > newest('dist'))
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
  const runtime = mkdtempSync(join(tmpdir(), 'supertree-run-'));
  process.env.XDG_RUNTIME_DIR = runtime;
  return () => rmSync(runtime, { recursive: true, force: true });
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
