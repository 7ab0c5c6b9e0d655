// Loaded for the real platform, before another one is pretended: it has a binary for each.
import 'zeromq';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const ENTRIES: Readonly<Record<string, () => Promise<object>>> = {
  supertree: () => import('../../src/index.js'),
  'supertree/client': () => import('../../src/client.js'),
  'supertree/server': () => import('../../src/server/index.js'),
  'supertree/machines': () => import('../../src/machines/index.js'),
  'supertree/testing': () => import('../../src/testing/index.js'),
  'the command line': () => import('../../src/cli/program.js'),
};
const COMMAND = { id: 'a', command: ['sleep', '1'] };
const TASK = {
  id: 't',
  task: ({ signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
};

describe.each(['darwin', 'win32'] as const)('on %s', (platform) => {
  beforeEach(() => {
    vi.resetModules();
    vi.spyOn(process, 'platform', 'get').mockReturnValue(platform);
  });
  afterEach(() => vi.restoreAllMocks());

  it.each(Object.entries(ENTRIES))('%s is imported without an error', async (_, load) => {
    expect(Object.keys(await load()).length).toBeGreaterThan(0);
  });

  it('a tree with a command is refused with the reason, wherever the command is', async () => {
    const { createTree } = await import('../../src/index.js');
    const refused = expect.objectContaining({ code: 'PLATFORM', message: expect.stringContaining(platform) });
    expect(() => createTree({ children: [COMMAND] })).toThrow(refused);
    expect(() => createTree({ children: [{ id: 's', children: [COMMAND] }] })).toThrow(refused);
    expect(() => createTree({ children: [{ id: 'p', pool: { agent: { command: ['sleep'] } } }] })).toThrow(refused);
  });

  it('a tree of tasks runs, and a command that is added to it fails to start', async () => {
    const { createTree } = await import('../../src/index.js');
    await using tree = createTree({ children: [TASK] });
    await tree.start();
    expect(tree.agent('t').view().state).toBe('running');
    await expect(tree.supervisor().add(COMMAND)).rejects.toMatchObject({ code: 'START_FAILED' });
  });
});
