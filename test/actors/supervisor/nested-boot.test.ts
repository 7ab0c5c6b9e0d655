import { describe, expect, it } from 'vitest';
import type { SupervisorInput } from '../../../src/model/input.js';
import { createWorld, outcome, startWorld, states } from '../fake-world.js';

/*
 * A supervisor below another one that ends right after its boot: whether the start above succeeds depends on the starts alone (S7), and what
 * the end means to the parent is decided afterwards, by its restart type.
 */

const WAITS = { readiness: { type: 'notify' } } as const;
const JOB = { id: 'job', command: ['job'], restart: 'transient', significant: true } as const;
const WEB = { id: 'web', command: ['web'] };

/** A supervisor that shuts down when its job is done; `slow` is still starting then. */
const ONCE: SupervisorInput & { id: string } = {
  id: 'inner',
  restart: 'transient',
  start: 'sequence',
  autoShutdown: 'any_significant',
  children: [JOB, { id: 'slow', command: ['slow'], ...WAITS }],
};

/** One whose intensity is spent by a crash before `slow` is ready. */
const FRAIL: SupervisorInput & { id: string } = {
  id: 'inner',
  restart: 'transient',
  start: 'sequence',
  otpExact: true,
  maxRestarts: 0,
  children: [
    { id: 'job', command: ['job'] },
    { id: 'slow', command: ['slow'], ...WAITS },
  ],
};

const SLOW = { script: { 'root/inner/slow': { readyIn: 50 } } };

describe.each([
  ['its job was done', ONCE, { code: 0 }],
  ['its intensity was spent', FRAIL, { code: 1 }],
] as const)('a nested supervisor that ends because %s while it booted', (_, inner, exit) => {
  it('has booted, and so has its parent; it is not restarted', async () => {
    const { clock, driver, tree, told: reportsOf } = createWorld({ start: 'sequence', children: [inner, WEB] }, SLOW);
    const booted = tree.start();
    await clock.advance(10);
    driver.crash('root/inner/job', exit);
    expect(await outcome(clock, booted)).toBe('pending');
    await clock.advance(60_000);
    expect(await outcome(clock, booted)).toBe('done');
    expect(reportsOf('root/inner').slice(0, 2)).toEqual(['booting', 'running']);
    expect(tree.supervisor().whichChild('inner')).toMatchObject({ phase: 'down' });
    expect([tree.status, driver.starts('root/inner/job')]).toEqual(['running', 1]);
    expect(states(tree)).toContain('root/web running');
  });

  it('is added with success', async () => {
    const { clock, driver, tree } = await startWorld({ children: [WEB] }, SLOW);
    const added = tree.supervisor().add(inner);
    await clock.advance(10);
    driver.crash('root/inner/job', exit);
    await clock.advance(60_000);
    expect(await outcome(clock, added)).not.toMatch(/FAILED/);
    expect(tree.supervisor().whichChild('inner')).toMatchObject({ phase: 'down' });
    expect(tree.status).toBe('running');
  });
});

describe('a pool', () => {
  it('has booted before it gives up on an instance that crashed meanwhile', async () => {
    const agent = { command: ['worker'], ...WAITS };
    const pool = {
      id: 'pool',
      otpExact: true,
      maxRestarts: 0,
      restart: 'transient',
      pool: { size: 2, agent },
    } as const;
    const script = { 'root/pool/1': { readyIn: 5 }, 'root/pool/2': { readyIn: 50 } };
    const {
      clock,
      driver,
      tree,
      told: reportsOf,
    } = createWorld({ start: 'sequence', children: [pool, WEB] }, { script });
    const booted = tree.start();
    await clock.advance(10);
    driver.crash('root/pool/1', { code: 1 });
    expect(await outcome(clock, booted)).toBe('pending');
    await clock.advance(60_000);
    expect(await outcome(clock, booted)).toBe('done');
    expect(reportsOf('root/pool').slice(0, 2)).toEqual(['booting', 'running']);
    expect(states(tree)).toContain('root/web running');
  });

  it('gives no id twice when it is restarted (F5)', async () => {
    const agent = { command: ['worker'] };
    const { clock, driver, tree } = await startWorld({
      children: [{ id: 'pool', maxRestarts: 0, pool: { size: 0, agent } }],
    });
    const pool = tree.supervisor('root/pool');
    const add = async () => {
      const added = [pool.add(), pool.add(), pool.add()];
      await clock.settle();
      await Promise.all(added);
      return pool.which().map(({ id }) => id);
    };
    expect(await add()).toEqual(['3', '2', '1']);
    driver.crash('root/pool/2', { code: 1 });
    await clock.advance(60_000);
    expect(pool.which()).toEqual([]);
    expect(await add()).toEqual(['6', '5', '4']);
  });
});
