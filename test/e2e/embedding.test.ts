import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { eventually, fixture } from '../contract/recorder.js';
import { markedEach } from './marked.js';

const marked = markedEach();

/** Runs a program that embeds a tree to its end. */
async function embed(how: string) {
  const [program, ...args] = fixture('embeds-tree', how);
  const host = spawn(program!, args, { env: marked().env, stdio: 'pipe' });
  let text = '';
  let most = 0;
  host.stderr.on('data', (bytes) => {
    text += bytes;
  });
  host.stdout.on('data', (bytes) => {
    text += bytes;
    most = Math.max(most, marked().pids().length);
    if (text.includes('up')) host.stdin.write('end\n');
  });
  const code = await new Promise<number | null>((resolve) => host.on('close', resolve));
  return { text, most, code };
}

describe('a program that embeds a tree', () => {
  it('leaves no process when it ends in the middle of a stop', async () => {
    const { text, most, code } = await embed('twice');
    expect(text).toContain('up');
    expect(code).toBe(7);
    expect(most).toBeGreaterThan(3);
    await eventually(() => marked().pids().length === 0, 'the end of all agents');
  });

  it('does not grow with the output of an agent', async () => {
    const { text, code } = await embed('flood');
    const figures = JSON.parse(text);
    expect(code).toBe(0);
    expect(figures.code).toBe(0);
    expect(figures.kept).toBeLessThanOrEqual(262_144);
    expect(figures.next).toBe(104_801);
    expect(figures.grown).toBeLessThan(60);
    expect(marked().pids()).toEqual([]);
  });
});
