import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { fixture } from '../../contract/recorder.js';
import { lives } from '../../e2e/proc.js';

it('a program without a free descriptor is told that no agent starts, and stops those that run', async () => {
  const program = fixture('without-descriptors');
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...program]);
  const { pids, ...stop } = JSON.parse(stdout) as { pids: number[] };
  expect(stop).toEqual({ refused: 'START_FAILED', clean: true, left: [] });
  expect(pids).toHaveLength(4);
  expect(pids.filter(lives)).toEqual([]);
});
