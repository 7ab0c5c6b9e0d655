import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connect } from '../../src/client/client.js';
import { PROGRAM } from '../program.js';

let directory: string;
let server: ChildProcess | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'supertree-test-'));
});

afterEach(async () => {
  if (server?.exitCode === null && server.signalCode === null) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  rmSync(directory, { recursive: true, force: true });
});

/** A pipe that takes no byte more, with somebody at its other end who reads none. */
function fullPipe(): number {
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    for (;;) writeSync(fd, '\n'.repeat(4096));
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: 'EAGAIN' });
  }
  return fd;
}

it('a server ends at SIGTERM although the reader of its log does not read', async () => {
  const fd = fullPipe();
  const socket = join(directory, 's.sock');
  const [node, ...args] = PROGRAM;
  server = spawn(node, [...args, 'serve', '--endpoint', `ipc://${socket}`], { stdio: ['ignore', fd, 'ignore'] });
  const exited = once(server, 'exit');
  await expect.poll(() => existsSync(socket)).toBe(true);
  const client = await connect({ endpoint: `ipc://${socket}`, timeout: 20_000 });
  await client.close();
  server.kill('SIGTERM');
  await expect.poll(() => existsSync(socket)).toBe(false);
  const late = new Promise((resolve) => setTimeout(resolve, 10_000, 'it is still there'));
  expect(await Promise.race([exited, late])).toEqual([0, null]);
  closeSync(fd);
});
