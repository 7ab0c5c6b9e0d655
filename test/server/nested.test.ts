import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { connect } from '../../src/client/client.js';
import type { SupervisorInput } from '../../src/model/input.js';
import { createServer } from '../../src/server/server.js';

/** As many levels as a tree may have (`MAX_LEVELS` of the validation), the root being the first. */
const LEVELS = 64;

function nested(levels: number, id = 'root'): SupervisorInput {
  return { id, children: levels === 1 ? [] : [nested(levels - 1, 's') as SupervisorInput & { id: string }] };
}

it('answers with the deepest tree that is valid, and takes one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  const failures: unknown[] = [];
  const server = await createServer({
    config: { tree: nested(LEVELS), settings: { endpoints: [`ipc://${directory}/s.sock`], pubEndpoints: [] } },
    createTree: (input) => createTree(input),
    failed: (thrown) => failures.push(thrown),
  });
  await server.tree.start();
  const client = await connect({ endpoint: server.endpoints[0] ?? '', timeout: 20_000 });
  const tree = await client.request('tree', {});
  expect(JSON.stringify(tree).match(/"children"/g)).toHaveLength(LEVELS);
  expect((await client.request('snapshot', {})).supervisors).toHaveLength(LEVELS);
  await client.request('add_child', { spec: nested(LEVELS - 1, 'other') });
  await client.close();
  await server.stop({ brutal: true });
  await rm(directory, { recursive: true });
  expect(failures).toEqual([]);
});
