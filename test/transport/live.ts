import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ConnectOptions, connect } from '../../src/client/client.js';
import type { Tree } from '../../src/contract/view.js';
import { createServer, type Server } from '../../src/server/server.js';
import { FakeTree } from './fake-tree.js';

/** A whole server within this process. */
export interface Live {
  readonly server: Server;
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts servers, and stops them and removes their directory in the end. */
export class Stage {
  readonly failures: unknown[] = [];
  readonly #directory: string;
  readonly #running = new Set<Live>();
  readonly #clients: Client[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(): Promise<Stage> {
    return new Stage(await mkdtemp(join(tmpdir(), 'supertree-test-')));
  }

  /** A server over a fake tree. Servers of the same name have the same endpoint, one after another. */
  async serve(name: string, ...ids: string[]): Promise<Live & { readonly tree: FakeTree }> {
    const tree = new FakeTree(...ids);
    return { ...(await this.serveTree(name, tree)), tree };
  }

  async serveTree(name: string, tree: Tree): Promise<Live> {
    const endpoint = `ipc://${join(this.#directory, `${name}.sock`)}`;
    const server = await createServer({
      config: { tree: { id: 'root', children: [] }, settings: { endpoints: [endpoint, 'tcp://127.0.0.1:*'] } },
      createTree: () => tree,
      insecure: true,
      failed: (thrown) => this.failures.push(thrown),
    });
    const stop = async () => {
      if (!this.#running.delete(live)) return;
      await server.stop({ brutal: true });
    };
    const live: Live = { server, endpoint, stop };
    this.#running.add(live);
    return live;
  }

  /** A client that is closed with the stage. */
  async connect(endpoint: string, options: ConnectOptions = {}): Promise<Client> {
    const client = await connect({ endpoint, timeout: 5_000, ...options });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    for (const client of this.#clients.splice(0)) await client.close();
    for (const live of [...this.#running]) await live.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
