import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { ROOT } from './program.js';

it('an example runs with tsx as it is', async () => {
  const tsx = createRequire(import.meta.url).resolve('tsx/cli');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [tsx, 'examples/embed.ts'], { cwd: ROOT });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^root\/flaky exited: exit code 3$/m);
  expect(stdout).toMatch(/^root is stopped: shutdown$/m);
});
