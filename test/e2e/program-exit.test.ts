import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { MARK, processesMarked } from './proc.js';

const marks: string[] = [];
afterEach(() => {
  for (const { pid } of marks.splice(0).flatMap((mark) => processesMarked(mark))) process.kill(pid, 'SIGKILL');
});

/** Runs a program that embeds a tree. */
function program(how: string): { host: ChildProcess; mark: string; output: () => string } {
  const [node, ...args] = fixture('ends-program', how);
  const mark = randomUUID();
  marks.push(mark);
  const env = { ...process.env, [MARK]: mark };
  const host = spawn(node!, args, { env, stdio: ['pipe', 'pipe', 'ignore'] });
  let text = '';
  host.stdout.on('data', (bytes) => {
    text += bytes;
  });
  return { host, mark, output: () => text };
}

describe('a program that ends by itself', () => {
  it.each([
    ['probe', 7],
    ['throw', 1],
  ])('takes the readiness probes with it that run just then (%s)', async (how, code) => {
    const { host, mark } = program(how);
    await eventually(() => processesMarked(mark).length === 3, 'the program, its agent and the probe');
    host.stdin?.write('end\n');
    expect(await once(host, 'exit')).toEqual([code, null]);
    await eventually(() => processesMarked(mark).length === 0, 'the end of the agent and the probe');
  });

  it('ends right after the stop, also when a long backoff was running', async () => {
    const { host, output } = program('backoff');
    expect(await once(host, 'close')).toEqual([0, null]);
    expect(JSON.parse(output())).toMatchObject({ clean: true, left: [] });
  });
});

describe('a program that is ended by a signal', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('stops its tree first with the line of the guide (%s)', async (signal) => {
    const { host, mark, output } = program('signal');
    await eventually(() => output().includes('up'), 'the start');
    host.kill(signal);
    expect(await once(host, 'close')).toEqual([0, null]);
    expect(processesMarked(mark)).toEqual([]);
  });
});

describe('many trees in one program', () => {
  it('share one listener for the end of the program, only while a child process of theirs is alive', async () => {
    const { host, output } = program('many');
    expect(await once(host, 'close')).toEqual([0, null]);
    const [before, during, after] = JSON.parse(output());
    expect([during, after]).toEqual([before + 1, before]);
  });
});
