import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { XSubscriber } from 'zeromq';
import { bindOne } from '../../src/server/binding.js';
import { createPublisher } from '../../src/transport/publisher.js';
import { createRequestRouter } from '../../src/transport/router.js';

let directory: string;
let umask: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-test-'));
  umask = process.umask(0);
});

afterEach(() => {
  process.umask(umask);
  rmSync(directory, { recursive: true, force: true });
});

const path = () => join(directory, 's.sock');
const endpoint = () => `ipc://${path()}`;
const modeOf = (file: string) => (statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o777;
const router = () => createRequestRouter({ handle: async () => Buffer.alloc(0), failed: () => {} });

/** Looks at a file as often as it can, from a thread of its own; `seen` has every permission that the file ever had. */
function watch(file: string): { seen(): number; end(): Promise<unknown> } {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const code = `
    const { shared, file } = require('node:worker_threads').workerData;
    const { statSync } = require('node:fs');
    while (Atomics.load(shared, 1) === 0)
      Atomics.or(shared, 0, (statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o777);
  `;
  const worker = new Worker(code, { eval: true, workerData: { shared, file } });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  const end = () => {
    Atomics.store(shared, 1, 1);
    return ended;
  };
  return { seen: () => Atomics.load(shared, 0), end };
}

describe('the socket file of an ipc endpoint, whatever the umask', () => {
  it.each([
    ['requests', router],
    ['what is published', () => createPublisher(() => {})],
  ])('for %s is private before anything is done to it, and the umask is as it was', async (_what, make) => {
    const socket = make();
    await socket.bind(endpoint());
    expect(modeOf(path())).toBe(0o600);
    expect(process.umask()).toBe(0);
    await socket.close();
  });

  it('is never seen with any other mode', async () => {
    const watched = watch(path());
    for (let n = 0; n < 20 || watched.seen() === 0; n++) {
      const socket = router();
      const binding = await bindOne(socket, endpoint());
      await binding.release();
      await socket.close();
    }
    expect(watched.seen()).toBe(0o600);
    await watched.end();
  });

  it('keeps its changed mode when it is bound again, and is never wider', async () => {
    const failures: unknown[] = [];
    const publisher = createPublisher((thrown) => failures.push(thrown));
    await publisher.bind(endpoint());
    chmodSync(path(), 0o640);
    const watched = watch(path());
    const greedy = new XSubscriber({ linger: 0, reconnectInterval: -1, sendHighWaterMark: 0 });
    greedy.connect(endpoint());
    for (let n = 0; n < 8_000; n++) await greedy.send(`\u0001greedy${n}${'x'.repeat(200)}`);
    await expect.poll(() => failures.length).toBe(1);
    greedy.close();
    await expect.poll(() => modeOf(path())).toBe(0o640);
    await publisher.close();
    await watched.end();
    expect(watched.seen()).toBe(0o640);
  });
});
