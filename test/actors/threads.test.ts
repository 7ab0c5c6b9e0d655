import { expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { readStat } from '../../src/drivers/proc/proc.js';

it('does not take the threads of an agent for processes of its tree', async () => {
  await using tree = createTree({
    children: [{ id: 'threads', command: [process.execPath, '-e', 'setInterval(() => {}, 1000)'] }],
  });
  await tree.start();
  const { pid } = tree.agent('threads').view();
  await expect.poll(() => readStat(pid as number)?.state).toBe('S');
  const alone = (await tree.usage()).get('root/threads')?.memory ?? 0;
  // Each thread of node would count as much again as the whole process.
  expect(alone).toBeGreaterThan(0);
  expect(alone).toBeLessThan(150 * 1_048_576);
});
