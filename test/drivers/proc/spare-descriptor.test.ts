import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { fixture } from '../../contract/recorder.js';
import { lives } from '../../e2e/proc.js';

it('a program that has used up its descriptors stops its agents, and says that they are gone only when they are', async () => {
  const program = fixture('without-descriptors');
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...program]);
  const { pids, ...stop } = JSON.parse(stdout) as { pids: number[] };
  expect(stop).toEqual({ clean: true, left: [] });
  expect(pids).toHaveLength(4);
  expect(pids.filter(lives)).toEqual([]);
});
