import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { listensOn } from '../../src/drivers/proc/sockets.js';
import { launch, type Process, scratch } from '../cli/process.js';
import { processFacts } from './proc.js';

/** The port of Node's inspector. */
const INSPECTOR = 9229;

let server: Process | undefined;
afterEach(async () => {
  if (server?.child.exitCode === null && server.child.signalCode === null) {
    server.child.kill('SIGTERM');
    await once(server.child, 'exit');
  }
});

it('SIGUSR1 opens no inspector, neither in a server nor in its keeper nor in a command that follows it', async () => {
  const { path, endpoint, remove } = await scratch();
  const file = join(path, 'tree.json');
  writeFileSync(file, JSON.stringify({ children: [{ id: 'a', command: ['sleep', '300'] }] }));
  server = launch(['serve', file, '--driver', 'keeper'], { endpoint });
  await expect.poll(() => server?.out(), { timeout: 20_000 }).toContain('root is up');
  const client = await connect({ endpoint, patience: 20_000, timeout: 20_000 });
  const keeper = processFacts((await client.status('a')).pid!)!.parent;
  const follower = launch(['events', '-f', '--json'], { endpoint });
  await expect.poll(() => follower.out(), { timeout: 20_000 }).not.toBe('');
  const pids = [server.child.pid!, keeper, follower.child.pid!];
  for (const pid of pids) process.kill(pid, 'SIGUSR1');
  // A restart goes through all three of them.
  await client.restart('a');
  await expect.poll(() => follower.out(), { timeout: 20_000 }).toContain('stopped');
  expect(pids.map((pid) => listensOn([pid], INSPECTOR))).not.toContain(true);
  expect(server.err() + follower.err()).not.toContain('Debugger');
  follower.child.kill('SIGTERM');
  await follower.finished;
  await client.close();
  server.child.kill('SIGTERM');
  await server.finished;
  await remove();
});
