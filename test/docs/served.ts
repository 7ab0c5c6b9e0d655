import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTree } from '../../src/actors/tree.js';
import { pack } from '../../src/protocol/codec.js';
import { createServer, type Server } from '../../src/server/server.js';
import { type Answer, ask } from '../transport/rig.js';

/** A real server without agents, on a socket of its own. `close` leaves nothing behind. */
export class Served {
  readonly server: Server;
  readonly endpoint: string;
  readonly #directory: string;

  private constructor(server: Server, directory: string) {
    this.server = server;
    this.endpoint = server.endpoints[0] ?? '';
    this.#directory = directory;
  }

  static async open(): Promise<Served> {
    const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
    const server = await createServer({
      config: {
        tree: { id: 'root', boot: 'retry', children: [] },
        settings: { endpoints: [`ipc://${directory}/s.sock`] },
      },
      createTree: (input) => createTree(input),
      failed: (thrown) => {
        throw thrown;
      },
    });
    await server.tree.start();
    return new Served(server, directory);
  }

  ask(message: object): Promise<Answer> {
    return ask(this.endpoint, pack({ request_id: 'r', ...message }));
  }

  operate(operation: string, params: object = {}, more: object = {}): Promise<Answer> {
    return this.ask({ type: 'tree_request', operation, params, ...more });
  }

  async close(): Promise<void> {
    await this.server.stop({ brutal: true });
    await rm(this.#directory, { recursive: true, force: true });
  }
}
