import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { pack } from '../../src/protocol/codec.js';
import { createServer, type Server } from '../../src/server/index.js';
import { ask } from '../transport/rig.js';

let directory: string;
let server: Server;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-actions-'));
  server = await createServer({
    config: {
      tree: { children: [{ id: 'web', command: ['sleep', '300'] }] },
      settings: { endpoints: [`ipc://${join(directory, 's.sock')}`] },
    },
    createTree: (input) => createTree(input),
    failed: () => undefined,
    actions: {
      restart_twice: async ({ agent }) => {
        await agent.restart();
        await agent.restart();
        return agent.view().incarnation;
      },
    },
  });
  await server.tree.start();
});

afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
});

it('an embedded server answers custom actions that its program has registered', async () => {
  const { uuid } = server.tree.agent('web');
  const custom = (action: string) =>
    ask(server.endpoints[0] ?? '', pack(['custom_action_request', 'r', uuid, action, null, 60]));
  expect(await custom('restart_twice')).toMatchObject({ success: true, status: 'running', data: { result: 3 } });
  expect(await custom('fly')).toMatchObject({
    success: false,
    code: 'COMMAND_UNKNOWN',
    remedy: 'Use one of: echo, ping, get_env, restart_twice.',
  });
});
