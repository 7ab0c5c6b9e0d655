import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { fixture } from '../../contract/recorder.js';
import { isRunning } from '../../e2e/proc.js';

it('a program without a free descriptor is told that no agent starts, and stops those that run', async () => {
  const program = fixture('without-descriptors', 'local');
  // Node reads the modules of the program at the same time, with a descriptor for each.
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -n 256; exec "$@"', 'sh', ...program]);
  const { pids, ...stop } = JSON.parse(stdout) as { pids: number[] };
  expect(stop).toEqual({ refused: 'START_FAILED', clean: true, left: [] });
  expect(pids).toHaveLength(4);
  expect(pids.filter(isRunning)).toEqual([]);
});

it('a program that cannot read /proc at all does not take an agent for gone', async () => {
  const [program = '', ...args] = fixture('scan-without-descriptors');
  const { stdout } = await promisify(execFile)(program, args);
  const { before, blind, after } = JSON.parse(stdout) as Record<string, { alive: number[]; certain: boolean }>;
  expect(before?.alive).toHaveLength(1);
  expect(blind?.certain).toBe(false);
  expect(after?.alive).toEqual(before?.alive);
});
