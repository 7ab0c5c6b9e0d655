import { describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import type { TaskContext } from '../../src/model/spec.js';

/** A task that lives until it is asked to end, and a count of those that live. */
function createCensus() {
  const alive = new Set<string>();
  const task = ({ path, signal }: TaskContext): Promise<void> => {
    alive.add(path);
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        alive.delete(path);
        resolve();
      });
    });
  };
  return { alive, task };
}

describe('scale', () => {
  it('starts, restarts one of, and stops 10,000 tasks in a pool', async () => {
    const { alive, task } = createCensus();
    const tree = createTree({ children: [{ id: 'p', pool: { size: 10_000, max: 10_000, agent: { task } } }] });
    await tree.start();
    expect(alive.size).toBe(10_000);
    await tree.agent('root/p/5000').restart();
    expect(tree.agent('root/p/5000').view()).toMatchObject({ state: 'running', incarnation: 2 });
    expect(await tree.stop()).toEqual({ reason: 'shutdown', clean: true, left: [] });
    expect(alive.size).toBe(0);
  });

  it('starts, restarts one of, and stops 2,000 tasks in order', async () => {
    const { alive, task } = createCensus();
    const children = Array.from({ length: 2000 }, (_, n) => ({ id: `a${n}`, task }));
    const tree = createTree({ children });
    await tree.start();
    expect([...alive]).toEqual(children.map(({ id }) => `root/${id}`));
    await tree.agent('a1000').restart();
    expect(await tree.stop()).toEqual({ reason: 'shutdown', clean: true, left: [] });
    expect(alive.size).toBe(0);
  });

  it('restarts 2,000 tasks as one group', async () => {
    const { alive, task } = createCensus();
    const children = Array.from({ length: 2000 }, (_, n) => ({ id: `a${n}`, task }));
    const tree = createTree({ strategy: 'one_for_all', children: [...children, { id: 'last', task: once }] });
    let begun = 0;
    async function once({ signal }: TaskContext): Promise<void> {
      begun++;
      if (begun === 1) throw new Error('once');
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    }
    const again = new Promise<void>((resolve) => {
      tree.subscribe((report) => {
        if (report.type === 'ready' && report.path === 'root/last' && report.incarnation === 2) resolve();
      });
    });
    await tree.start();
    await again;
    expect([alive.size, tree.agent('a7').view().incarnation]).toEqual([2000, 2]);
    expect(await tree.stop()).toMatchObject({ clean: true });
  });
});
