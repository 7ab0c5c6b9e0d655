import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createTree } from '../../src/index.js';
import { eventually, fixture } from '../contract/recorder.js';
import { markedEach } from './marked.js';
import { pendingSignals } from './proc.js';

const marked = markedEach();

/** A program whose trees are up. */
async function program(how: string) {
  const [node, ...args] = fixture('stops-on-signals', how);
  const host = spawn(node!, args, { env: marked().env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  host.stdout.on('data', (bytes) => {
    text += bytes;
  });
  await eventually(() => text.includes('up'), 'the start of both trees');
  return { host, output: () => text };
}

describe('signals: true', () => {
  // What it does at SIGINT is below.
  it.each(['SIGTERM', 'SIGHUP'] as const)('stops every tree, then ends the program by %s', async (signal) => {
    const { host, output } = await program('plain');
    host.kill(signal);
    expect(await once(host, 'close')).toEqual([null, signal]);
    expect(output().split('\n').slice(1).toSorted()).toEqual(['', '["one",true,[]]', '["two",true,[]]']);
    expect(marked().pids()).toEqual([]);
  });

  it('kills the agents at the second signal, and ignores a copy that follows at once', async () => {
    const { host, output } = await program('stubborn');
    host.kill('SIGINT');
    // Of two that are pending the system delivers the higher one last, and runs its handler first.
    await eventually(() => pendingSignals(host.pid!) === 0n, 'the delivery of the first');
    host.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(host.exitCode ?? host.signalCode).toBe(null);
    // Until one comes a second after the program heard the first.
    const again = setInterval(() => host.kill('SIGTERM'), 1_200);
    const end = await once(host, 'close').finally(() => clearInterval(again));
    expect(end).toEqual([null, 'SIGINT']);
    expect(output()).toContain('["one",true,[]]');
    expect(marked().pids()).toEqual([]);
  });

  it('leaves the decision to a listener of the program, which is called once', async () => {
    const { host, output } = await program('own');
    host.kill('SIGTERM');
    expect(await once(host, 'close')).toEqual([0, null]);
    expect(output().match(/own listener/g)).toHaveLength(1);
    expect(marked().pids()).toEqual([]);
  });

  it('listens only while a tree runs', async () => {
    const before = process.listenerCount('SIGTERM');
    const tree = createTree({ children: [] }, { signals: true });
    expect(process.listenerCount('SIGTERM')).toBe(before);
    await tree.start();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    await tree.stop();
    await Promise.resolve();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
