import { describe, expect, it } from 'vitest';
import { sh, shareKeeper, started, world } from '../../e2e/world.js';
import { outcome, startWorld } from '../fake-world.js';

shareKeeper();

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
    await expect(pause).rejects.toMatchObject({ code: 'SUPERSEDED', details: { by: 'a resume' } });
    await resume;
    expect(w.view('a')).toMatchObject({ state: 'running', pauseMode: null, pausedAt: null });
  });

  it('says why a forced pause did not come about', async () => {
    const script = { '*': { freezeFails: 'program (pid 7, state D) does not stop' } };
    const { clock, tree } = await startWorld({ children: [{ id: 'a', command: ['program'] }] }, { script });
    const paused = tree
      .agent('a')
      .pause('forced')
      .catch((thrown) => thrown);
    await clock.settle();
    expect(await paused).toMatchObject({ code: 'PAUSE_FAILED', details: { problem: script['*'].freezeFails } });
    expect(tree.agent('a').view().state).toBe('running');
  });

  it('pauses a shell by force in the midst of starting programs, of which it waits for each', async () => {
    const loop = sh('n=0; while :; do n=$((n+1)); sleep 0.005; done');
    const w = await started({ children: [{ id: 'a', command: loop }] });
    for (let n = 0; n < 60; n++) {
      await w.tree.agent('a').pause('forced');
      await w.tree.agent('a').resume();
      await new Promise((resolve) => setTimeout(resolve, n % 7));
    }
    expect(w.view('a')).toMatchObject({ state: 'running', incarnation: 1 });
  });

  it('asks a cooperative agent to resume also after an additional forced pause', async () => {
    const w = await started({ children: [{ id: 'a', command: LISTENER }] });
    const agent = w.tree.agent('a');
    await agent.pause('cooperative');
    const { pausedAt } = w.view('a');
    await agent.pause('forced');
    expect(w.view('a')).toMatchObject({ state: 'paused', pauseMode: 'forced', pausedAt });
    await agent.resume();
    await expect.poll(() => textOf(agent.output().lines)).toMatch(/resume/);
    expect(w.view('a').state).toBe('running');
  });
});

describe('the hand on an agent that was removed', () => {
  const passing = { id: 'a', command: ['program'], restart: 'temporary', metadata: { n: '1' } } as const;

  it('rejects a pause that the end of the agent overtook', async () => {
    const { clock, driver, tree } = await startWorld({ children: [passing] });
    const agent = tree.agent('a');
    const paused = agent.pause('forced');
    while (agent.view().detail !== 'running.freezing') await Promise.resolve();
    driver.crash('root/a', { code: 3 });
    expect(await outcome(clock, paused)).toBe('INVALID_STATE');
    expect(tree.agents()).toEqual([]);
  });

  it('still has its exit and its output', async () => {
    const script = { '*': { output: ['its last words'] } };
    const { clock, driver, tree } = await startWorld({ children: [passing] }, { script });
    const agent = tree.agent('a');
    driver.crash('root/a', { code: 3 });
    await clock.settle();
    expect(agent.view()).toMatchObject({ state: 'failed', pid: null, ports: {}, exit: { code: 3 } });
    expect(textOf(agent.output().lines)).toBe('its last words\n');
  });

  it('never acts on another one that came to the same path', async () => {
    const { clock, driver, tree } = await startWorld({ children: [passing] });
    const agent = tree.agent('a');
    driver.crash('root/a', { code: 3 });
    const added = tree.supervisor().add({ ...passing, metadata: { n: '2' } });
    await clock.settle();
    await added;
    expect(await outcome(clock, agent.restart())).toBe('INVALID_STATE');
    expect(await outcome(clock, agent.kill())).toBe('done');
    expect(agent.view()).toMatchObject({ metadata: { n: '1' }, exit: { code: 3 } });
    expect(tree.agent('a').view()).toMatchObject({ state: 'running', metadata: { n: '2' } });
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
