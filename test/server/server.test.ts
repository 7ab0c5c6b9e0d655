import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { connect } from '../../src/client/client.js';
import { createServer } from '../../src/server/server.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

it('closes all its endpoints when it stops', async () => {
  const failures: unknown[] = [];
  const endpoints = [`ipc://${join(directory, 'a.sock')}`, `ipc://${join(directory, 'b.sock')}`, 'tcp://127.0.0.1:0'];
  const server = await createServer({
    config: { tree: { children: [] }, settings: { endpoints } },
    insecure: true,
    createTree: (input) => createTree(input),
    failed: (thrown) => failures.push(thrown),
  });
  await server.tree.start();
  for (const endpoint of server.endpoints) await (await connect({ endpoint, timeout: 10_000 })).close();
  await expect(server.stop()).resolves.toMatchObject({ clean: true });
  expect(failures).toEqual([]);
  expect(existsSync(join(directory, 'a.sock'))).toBe(false);
  await expect(connect({ endpoint: server.endpoints[2] as string, timeout: 500 })).rejects.toMatchObject({
    code: 'NO_SERVER',
  });
});
