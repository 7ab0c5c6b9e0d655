import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { markedEach } from './marked.js';

const marked = markedEach();

/** Runs a program that embeds a tree. */
function program(how: string): { host: ChildProcess; output: () => string } {
  const [node, ...args] = fixture('ends-program', how);
  const host = spawn(node!, args, { env: marked().env, stdio: ['pipe', 'pipe', 'ignore'] });
  let text = '';
  host.stdout.on('data', (bytes) => {
    text += bytes;
  });
  return { host, output: () => text };
}

describe('a program that ends by itself', () => {
  it.each([
    ['probe', 7],
    ['throw', 1],
  ])('takes the readiness probes with it that run just then (%s)', async (how, code) => {
    const { host } = program(how);
    await eventually(() => marked().pids().length === 3, 'the program, its agent and the probe');
    host.stdin?.write('end\n');
    expect(await once(host, 'exit')).toEqual([code, null]);
    await eventually(() => marked().pids().length === 0, 'the end of the agent and the probe');
  });

  it('ends right after the stop, also when a long backoff was running', async () => {
    const { host, output } = program('backoff');
    expect(await once(host, 'close')).toEqual([0, null]);
    expect(JSON.parse(output())).toMatchObject({ clean: true, left: [] });
  });
});

describe('a program that is ended by a signal', () => {
  it('stops its tree first with the line of the guide', async () => {
    const { host, output } = program('signal');
    await eventually(() => output().includes('up'), 'the start');
    host.kill('SIGTERM');
    expect(await once(host, 'close')).toEqual([0, null]);
    expect(marked().pids()).toEqual([]);
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
