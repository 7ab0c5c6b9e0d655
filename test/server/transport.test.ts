import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { createServer, type ServerOptions } from '../../src/server/server.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

const optionsFor = (endpoints: readonly string[], more: Partial<ServerOptions> = {}): ServerOptions => ({
  config: { tree: { children: [] }, settings: { endpoints, pubEndpoints: [] } },
  createTree: (input) => createTree(input),
  failed: () => {},
  ...more,
});

describe('the transport of a server', () => {
  it('appears in the inspector with each of its states, which may throw', async () => {
    const states: unknown[] = [];
    const failures: unknown[] = [];
    const server = await createServer(
      optionsFor([`ipc://${join(directory, 'a')}`], {
        failed: (thrown) => failures.push(thrown),
        inspect: (event) => {
          if (event.type !== '@xstate.snapshot' || !('value' in event.snapshot)) return;
          states.push(event.snapshot.value);
          throw new Error('the inspector broke');
        },
      }),
    );
    await server.stop();
    expect(states).toEqual(
      expect.arrayContaining([{ binding: 'bound' }, 'serving', 'draining', { closed: 'released' }]),
    );
    expect(new Set(failures.map(String))).toEqual(new Set(['Error: the inspector broke']));
  });

  it('has all its endpoints or none', async () => {
    const taken = await createServer(optionsFor([`ipc://${join(directory, 'taken')}`]));
    const before = await readdir(directory);
    await expect(
      createServer(optionsFor([`ipc://${join(directory, 'free')}`, `ipc://${join(directory, 'taken')}`])),
    ).rejects.toMatchObject({ code: 'ENDPOINT_IN_USE' });
    expect(await readdir(directory)).toEqual(before);
    await taken.stop();
  });

  it('releases its endpoints when there can be no tree', async () => {
    const broken = () => {
      throw new Error('no tree');
    };
    await expect(createServer(optionsFor([`ipc://${join(directory, 'a')}`], { createTree: broken }))).rejects.toThrow(
      'no tree',
    );
    await (await createServer(optionsFor([`ipc://${join(directory, 'a')}`]))).stop();
  });
});
