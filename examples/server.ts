// A program with a server of its own: other programs see and control its tree, and call an action of it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTree } from 'supertree';
import { connect } from 'supertree/client';
import { createServer } from 'supertree/server';

const directory = mkdtempSync(join(tmpdir(), 'supertree-'));
const endpoint = `ipc://${join(directory, 'server.sock')}`;
const server = await createServer({
  config: {
    tree: { children: [{ id: 'cat', command: ['cat'] }] },
    settings: { endpoints: [endpoint] },
  },
  createTree,
  failed: console.error,
  actions: { greet: ({ agent, params }) => `${agent.path} greets ${params}` },
});
await server.tree.start();

const client = await connect({ endpoint });
const { path, state } = await client.status('cat');
console.log(path, state);
console.log(await client.action('cat', 'greet', 'the world'));
await client.close();

const { clean } = await server.stop();
console.log(clean ? 'stopped' : 'something is left');
rmSync(directory, { recursive: true });
