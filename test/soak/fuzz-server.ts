import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTree } from '../../src/actors/tree.js';
import { systemClock } from '../../src/contract/clock.js';
import type { Tree } from '../../src/contract/view.js';
import { answer } from '../../src/control/answer.js';
import { createControl } from '../../src/control/control.js';
import { SupertreeError } from '../../src/errors.js';
import { createFakeDriver } from '../../src/testing/index.js';
import { createRequestRouter } from '../../src/transport/router.js';

/** A server for hostile frames: a real tree and a real socket, but a fake driver, so that no frame can start a process of the system. */
export interface FuzzServer {
  readonly tree: Tree;
  readonly endpoint: string;
  /** Errors that no request reports. */
  readonly failures: unknown[];
  close(): Promise<void>;
}

const LIMITS = { rate: 10_000_000, burst: 10_000_000, inFlight: 100_000 };

export async function createFuzzServer(): Promise<FuzzServer> {
  const directory = await mkdtemp(join(tmpdir(), 'supertree-fuzz-'));
  const driver = createFakeDriver(systemClock, { '*': { output: ['up', { stream: 'stderr', line: 'Error' }] } });
  const children = ['web', 'worker'].map((id) => ({ id, command: ['program'] }));
  const tree = createTree({ boot: 'retry', onExhausted: 'fail', children }, { driver });
  const failures: unknown[] = [];
  const failed = (thrown: unknown) => void failures.push(thrown);
  const endpoints: string[] = [];
  const service = createControl({
    tree,
    serverId: 'server-fuzz',
    version: '0.0.0',
    endpoints: () => endpoints,
    pubEndpoints: [],
    limits: LIMITS,
    maxAgents: 100,
    plan: ({ model_backend: backend }) => {
      throw new SupertreeError('BACKEND_UNKNOWN', { backend });
    },
    failed,
  });
  const router = createRequestRouter({
    handle: (payload, interim, context) => answer(service, payload, interim, context),
    failed,
    limits: LIMITS,
  });
  const endpoint = await router.bind(`ipc://${join(directory, 's.sock')}`);
  endpoints.push(endpoint);
  await tree.start();
  const close = async () => {
    await tree.stop();
    service.close();
    await router.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { tree, endpoint, failures, close };
}
