import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { served, until } from '../cli/process.js';
import { world } from './world.js';

/*
 * Agents that crash again and again without a delay take their turns with the others: an agent that has never run is started before
 * them, and requests are answered. Others: `LOOPS=200 npx vitest run test/e2e/crash-loops.test.ts`, which prints how long each took.
 */
const { LOOPS } = process.env;

const good = { id: 'good', command: ['sleep', '1000'] };
const NO_DELAY = { maxRestarts: 1_000_000, backoff: { initial: 0 } } as const;

function loops(count: number) {
  return Array.from({ length: count }, (_, i) => ({ id: `loop-${i}`, command: ['false'] }));
}

describe('agents that crash again and again', { timeout: 300_000 }, () => {
  it.each([
    [Number(LOOPS ?? 12), 'sequence'],
    [Number(LOOPS ?? 25), 'parallel'],
  ] as const)('delay neither the last child of a boot nor a spawn: %i of them in %s', async (count, start) => {
    const began = performance.now();
    const server = await served({ ...NO_DELAY, start, children: [...loops(count), good] });
    const client = await connect({ endpoint: server.endpoint, timeout: 240_000 });
    await until(async () => (await client.status('good')).state === 'running');
    const up = performance.now();
    await client.spawn({ id: 'late', command: ['sleep', '1000'] });
    expect((await client.status('late')).state).toBe('running');
    const spawned = performance.now();
    const crashes = async () => (await client.agents()).reduce((sum, agent) => sum + agent.restarts, 0);
    const before = await crashes();
    while ((await crashes()) === before) await sleep(20);
    if (LOOPS) console.log(`good after ${Math.round(up - began)} ms, spawn in ${Math.round(spawned - up)} ms`);
    await client.close();
    await server.close();
  });

  it.each(['sequence', 'parallel'] as const)('are restarted after the first starts of others, in %s', async (start) => {
    const count = Number(LOOPS ?? 20);
    const { tree, reports } = world({ ...NO_DELAY, boot: 'retry', start, children: [...loops(count), good] });
    const startsBefore = async (path: string) => {
      const from = reports.length;
      await until(async () => reports.some((report) => report.type === 'started' && report.path === path));
      const starts = reports.filter(({ type }, at) => type === 'started' && at >= from).map((report) => report.path);
      return starts.slice(0, starts.indexOf(path));
    };
    const booting = tree.start();
    const first = await startsBefore('root/good');
    expect(new Set(first).size).toBe(count);
    expect(first.length).toBeLessThan(2 * count);
    await booting;
    const added = tree.supervisor('root').add({ id: 'late', command: ['sleep', '1000'] });
    expect((await startsBefore('root/late')).length).toBeLessThan(count / 2);
    await added;
  });
});
