import { expect, it, vi } from 'vitest';

vi.mock('node:worker_threads', async (original) => ({ ...(await original<object>()), isMainThread: false }));

it('a tree in a worker thread is refused the signals, which no thread but the first one receives', async () => {
  const { createTree } = await import('../../src/index.js');
  const wrong = () => createTree({ children: [] }, { signals: true });
  expect(wrong).toThrow(
    expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ option: 'signals' }) }),
  );
  expect(createTree({ children: [] }).status).toBe('idle');
});
