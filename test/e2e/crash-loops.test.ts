import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { served, until } from '../cli/process.js';

/*
 * Agents that crash again and again without a delay take their turns with the others: an agent that has never run is started before
 * them, and requests are answered. More of them: `LOOPS=200 npx vitest run test/e2e/crash-loops.test.ts`, which prints how long it took.
 */
const LOOPS = Number(process.env.LOOPS ?? 20);

const loops = Array.from({ length: LOOPS }, (_, i) => ({ id: `loop-${i}`, command: ['false'] }));
const good = { id: 'good', command: ['sleep', '1000'] };
const AT_ONCE = { maxRestarts: 1_000_000, backoff: { initial: 0 } };

describe(`${LOOPS} agents that crash again and again`, { timeout: 300_000 }, () => {
  it.each([
    ['in parallel', { start: 'parallel' }],
    ['in sequence', { start: 'sequence' }],
  ] as const)('keep out neither the last child of a boot %s, nor a spawn', async (_, order) => {
    const began = performance.now();
    const server = await served({ ...AT_ONCE, ...order, children: [...loops, good] });
    const client = await connect({ endpoint: server.endpoint, timeout: 240_000 });
    await until(async () => (await client.status('good')).state === 'running');
    const up = performance.now();
    await client.spawn({ id: 'late', command: ['sleep', '1000'] });
    expect((await client.status('late')).state).toBe('running');
    const spawned = performance.now();
    const crashes = async () => (await client.agents()).reduce((sum, agent) => sum + agent.restarts, 0);
    const before = await crashes();
    while ((await crashes()) === before) await sleep(20);
    if (process.env.LOOPS)
      console.log(`good after ${Math.round(up - began)} ms, spawn in ${Math.round(spawned - up)} ms`);
    await client.close();
    await server.close();
  });
});
