import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

it('a tree in a worker thread is refused the signals, which no thread but the first one receives', async () => {
  const thread = new Worker(new URL('../fixtures/tree-in-thread.mjs', import.meta.url));
  const [message] = await once(thread, 'message');
  expect(message).toEqual({ error: { code: 'OPTION_INVALID', option: 'signals' }, status: 'idle' });
  await thread.terminate();
});
