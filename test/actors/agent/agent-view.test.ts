import { describe, expect, it } from 'vitest';
import { createTree } from '../../../src/actors/tree.js';
import type { AgentView } from '../../../src/contract/view.js';

const forever = ({ signal }: { signal: AbortSignal }) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));

describe('the view of an agent', () => {
  it('is the same object as long as nothing changes, and another one after each change', async () => {
    await using tree = createTree({ children: ['a', 'b'].map((id) => ({ id, task: forever })) });
    await tree.start();
    const [a, b] = tree.agents();
    expect(tree.agents()).toEqual([a, b]);
    expect(tree.agents()[0]).toBe(a);
    expect(tree.agent('a').view()).toBe(a);
    expect(tree.view().children[0]).toBe(tree.view().children[0]);
    await tree.agent('a').restart();
    const [changed, same] = tree.agents();
    expect(changed).toMatchObject({ state: 'running', incarnation: 2, restarts: 1 });
    expect(same).toBe(b);
  });

  it('is never older than the report of a change', async () => {
    await using tree = createTree({ children: [{ id: 'a', task: forever }] });
    const seen: [reported: string, viewed: AgentView][] = [];
    tree.subscribe((report) => {
      if (report.type === 'state') seen.push([report.state, tree.agent('a').view()]);
      if (report.type === 'exited') expect(tree.agent('a').view().exit).toEqual(report.exit);
    });
    await tree.start();
    await tree.agent('a').restart();
    await tree.agent('a').stop();
    expect(seen.map(([, { state }]) => state)).toEqual(seen.map(([reported]) => reported));
    expect(seen.length).toBeGreaterThan(5);
    expect(tree.agent('a').view()).toMatchObject({ state: 'stopped', detail: 'stopped', restarts: 1 });
  });
});
