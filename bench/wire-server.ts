import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskBody } from 'supertree';
import { createTree } from './subject.js';
import { openFloor, openFloorPublisher } from './wire-floor.js';
import type { SideOrder } from './wire-side.js';
import { createServer } from './wire-subject.js';
import { WRITER } from './wire-writer.js';

/*
 * A server process of the wire measurements: it is told what to be, tells its endpoints, answers `cpu` and ends at `end`.
 */

export interface Opened {
  readonly endpoint: string;
  readonly pubEndpoint: string;
  close(): Promise<void>;
}

const ROLES: Readonly<Record<SideOrder['role'], (order: SideOrder) => Promise<Opened>>> = {
  ours: (order) => openServer(order, { task: wait }),
  publisher: (order) => openServer(order, { command: WRITER }),
  floor: openFloor,
  'floor-publisher': openFloorPublisher,
};

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Waits until it is asked to stop. */
function wait({ signal }: Parameters<TaskBody>[0]): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
}

/** Limits out of the way: it is not the limits that are measured. */
const LIMITS = { rate: 1e9, burst: 1e9, inFlight: 10_000 };

async function openServer(
  order: SideOrder,
  agent: { task: TaskBody } | { command: readonly string[] },
): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-bench-'));
  const tree = { id: 'root', children: [{ id: 'pool', pool: { size: order.agents, agent } }] };
  const endpoints = ['tcp://127.0.0.1:*'];
  const server = await createServer({
    config: {
      tree,
      settings: { endpoints, pubEndpoints: endpoints, limits: LIMITS },
      ...securityOf(order, directory),
    },
    createTree,
    insecure: true,
    failed: (thrown) => console.error(thrown),
  });
  await server.tree.start();
  const close = async () => {
    await server.stop({ brutal: true });
    rmSync(directory, { recursive: true, force: true });
  };
  return { endpoint: server.endpoints[0] ?? '', pubEndpoint: server.pubEndpoints[0] ?? '', close };
}

function securityOf({ keys }: SideOrder, directory: string): object {
  if (keys === null) return {};
  const secretKeyFile = join(directory, 'server.key');
  writeFileSync(secretKeyFile, `${keys.server.secretKey}\n`, { mode: 0o600 });
  const grants = [{ roles: ['observe'], subtree: 'root' }];
  return { security: { secretKeyFile, keys: [{ name: 'bench', publicKey: keys.client.publicKey, grants }] } };
}

const [order] = (await once(process, 'message')) as [SideOrder];
const { endpoint, pubEndpoint, close } = await ROLES[order.role](order);
process.on('message', async (message) => {
  if (message === 'cpu') return void process.send?.(cpu());
  await close();
  process.exit(0);
});
process.send?.({ endpoint, pubEndpoint });
