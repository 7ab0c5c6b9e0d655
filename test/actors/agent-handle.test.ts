import { describe, expect, it } from 'vitest';
import { sh, started, world } from '../e2e/world.js';

/** Says what it is told on standard input. */
const LISTENER = sh('while read line; do echo "heard $line"; done');

describe('the hand on an agent', () => {
  it('makes one forced pause of many that are asked for at once', async () => {
    const w = await started({ children: [{ id: 'a', command: LISTENER }] });
    const agent = w.tree.agent('a');
    await Promise.all([agent.pause('forced'), agent.pause('forced'), agent.pause('forced')]);
    expect(w.view('a')).toMatchObject({ state: 'paused', pauseMode: 'forced' });
    await agent.resume();
  });

  it('does not end up paused when the resume comes before the pause has come about', async () => {
    const w = await started({ children: [{ id: 'a', command: LISTENER }] });
    const agent = w.tree.agent('a');
    const pause = agent.pause('forced');
    const resume = agent.resume();
    await expect(pause).rejects.toMatchObject({ code: 'INVALID_STATE', details: { command: 'pause' } });
    await resume;
    expect(w.view('a')).toMatchObject({ state: 'running', pauseMode: null, pausedAt: null });
  });

  it('tells a cooperative agent to go on also after it was paused by force on top of that', async () => {
    const w = await started({ children: [{ id: 'a', command: LISTENER }] });
    const agent = w.tree.agent('a');
    await agent.pause('cooperative');
    const { pausedAt } = w.view('a');
    await agent.pause('forced');
    expect(w.view('a')).toMatchObject({ state: 'paused', pauseMode: 'forced', pausedAt });
    await agent.resume();
    await expect.poll(() => textOf(agent.output().lines), { timeout: 20_000 }).toMatch(/resume/);
    expect(w.view('a').state).toBe('running');
  });
});

describe('a launch that fails while it is being stopped', () => {
  it('leaves no zombie of a pool whose instances cannot be run', async () => {
    const agent = { command: ['/nowhere/at/all'], stop: { ask: 60_000, insist: 60_000, kill: 60_000 } };
    const w = world({ children: [{ id: 'p', pool: { size: 40, agent } }], maxRestarts: 0 });
    await expect(w.tree.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    expect(w.all('zombie')).toEqual([]);
  });
});

function textOf(lines: readonly { readonly bytes: Uint8Array }[]): string {
  return lines.map(({ bytes }) => Buffer.from(bytes).toString()).join('');
}
