import { renameSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Router, XSubscriber } from 'zeromq';
import { bindAgain } from '../../src/transport/bind-again.js';
import { ConnectionLimit } from '../../src/transport/connection-limit.js';
import { createPublisher } from '../../src/transport/publisher.js';
import { MAX_SUBSCRIPTIONS } from '../../src/transport/xpub-socket.js';
import { subscribe } from './follower.js';

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function surroundings() {
  const failures: unknown[] = [];
  const connections = new ConnectionLimit(Number.POSITIVE_INFINITY);
  return { failures, connections, failed: (thrown: unknown) => failures.push(thrown) };
}

it('binds once the endpoint can be bound, and reports a reason once', async () => {
  const directory = join(await scratch(), 'later');
  const { failures, ...rest } = surroundings();
  let attempts = 0;
  const create = () => {
    attempts++;
    return new Router();
  };
  const { signal } = new AbortController();
  const bound = bindAgain(rest, `ipc://${directory}/r.sock`, create, signal);
  await expect.poll(() => attempts).toBe(3);
  await mkdir(directory);
  const socket = await bound;
  expect(socket?.lastEndpoint).toBe(`ipc://${directory}/r.sock`);
  socket?.close();
  expect(failures).toHaveLength(1);
});

it('tries again when no socket can be created', async () => {
  const { failures, ...rest } = surroundings();
  const create = () => {
    if (failures.length === 0) throw Object.assign(new Error('Too many open files'), { code: 'EMFILE' });
    return new Router();
  };
  const socket = await bindAgain(rest, `ipc://${await scratch()}/r.sock`, create, new AbortController().signal);
  expect(socket).not.toBeNull();
  socket?.close();
});

it('ends at once when it is aborted', async () => {
  const { failures, ...rest } = surroundings();
  const abort = new AbortController();
  const bound = bindAgain(rest, 'ipc:///nowhere/at/all.sock', () => new Router(), abort.signal);
  await expect.poll(() => failures.length).toBe(1);
  abort.abort();
  expect(await bound).toBeNull();
});

it('a publisher whose endpoint cannot be bound again at once serves its subscribers once it can', async () => {
  const directory = await scratch();
  const endpoint = `ipc://${directory}/p.sock`;
  const failures: unknown[] = [];
  const publisher = createPublisher((thrown) => {
    // The endpoint is unusable from the moment at which the old socket is given up.
    if (failures.push(thrown) === 1) renameSync(directory, `${directory}.away`);
  });
  await publisher.bind(endpoint);
  const greedy = new XSubscriber({ linger: 0, reconnectInterval: -1, sendHighWaterMark: 0 });
  greedy.connect(endpoint);
  for (let n = 0; n < MAX_SUBSCRIPTIONS + 10; n++) await greedy.send(`\u0001greedy${n}`);
  await expect.poll(() => failures.length, { timeout: 60_000 }).toBe(2);
  renameSync(`${directory}.away`, directory);
  const good = subscribe(endpoint, 'topic');
  await expect.poll(() => publisher.hasSubscriber('topic'), { timeout: 60_000 }).toBe(true);
  greedy.close();
  await good.close();
  await publisher.close();
});
