import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';

const FOREGROUND = fileURLToPath(new URL('./fixtures/foreground.mjs', import.meta.url));

let directory: string;
let server: ChildProcess;
let client: Client;
let output: string;
let complained: string;
let exited: Promise<unknown[]>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(async () => {
  await (client as Client | undefined)?.close();
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGKILL');
    await exited;
  }
  await rm(directory, { recursive: true, force: true });
});

/** Starts a server with the agent `root/a` and resolves with the pid of that. */
async function serving(more: object = {}): Promise<number> {
  const file = join(directory, 'tree.json');
  await writeFile(file, JSON.stringify({ children: [{ id: 'a', command: ['cat'] }] }));
  await connected({ file, ...more });
  await expect.poll(() => output).toContain('root is up');
  return (await client.status('a')).pid ?? 0;
}

/** Starts a server and connects to it. */
async function connected(options: object): Promise<void> {
  const endpoint = `ipc://${join(directory, 's.sock')}`;
  launch({ endpoint, ...options });
  client = await connect({ endpoint, wait: 60_000, timeout: 20_000 });
}

/** Starts a server and keeps what it says. */
function launch(options: object): void {
  [output, complained] = ['', ''];
  server = spawn(process.execPath, [FOREGROUND, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] });
  server.stdout?.on('data', (data) => {
    output += data;
  });
  server.stderr?.on('data', (data) => {
    complained += data;
  });
  // When all that it said has been read.
  exited = once(server, 'close');
}

/** Stops the server by a signal, which ends its agent `pid` as well. */
async function stoppedBy(signal: NodeJS.Signals, pid: number): Promise<void> {
  expect(existsSync(`/proc/${pid}`)).toBe(true);
  server.kill(signal);
  const end = await exited;
  const left = existsSync(`/proc/${pid}`);
  if (left) process.kill(pid, 'SIGKILL');
  expect({ end, left }).toEqual({ end: [0, null], left: false });
  expect(output).toContain(`${signal}: stopping everything in reverse order`);
}

/* Each ends by another signal, all of which stop everything as SIGTERM does. */
describe('serve', () => {
  it('calls it no error that it is stopped while its tree comes up', async () => {
    const file = join(directory, 'tree.json');
    const slow = { id: 'slow', command: ['cat'], readiness: { type: 'log', pattern: 'never' } };
    await writeFile(file, JSON.stringify({ children: [slow] }));
    await connected({ file });
    const pidOf = async () => (await client.status('slow')).pid ?? 0;
    await expect.poll(pidOf).toBeGreaterThan(0);
    await stoppedBy('SIGUSR2', await pidOf());
    expect(complained).not.toContain('SUPERSEDED');
  });

  it('answers, and ends, as if nothing were amiss when its audit log is full, and says so once', async () => {
    const pid = await serving({ audit: '/dev/full' });
    const row = await client.restart('a');
    expect(row).toMatchObject({ state: 'running' });
    expect(row.pid).not.toBe(pid);
    const again = await client.restart('a');
    await stoppedBy('SIGHUP', again.pid ?? 0);
    expect(complained.match(/The audit log \/dev\/full cannot be written/g)).toHaveLength(1);
  });

  it('warns once for each kind of open endpoint, with the access that other processes have', async () => {
    const open = { insecure: true, pubEndpoint: 'tcp://127.0.0.1:0' };
    const file = join(directory, 'tree.json');
    await writeFile(file, JSON.stringify({ children: [{ id: 'a', command: ['cat'] }] }));
    launch({ file, endpoint: 'tcp://0.0.0.0:0', ...open });
    await expect.poll(() => output).toContain('root is up');
    await stoppedBy('SIGQUIT', Number(/"pid":(\d+)/.exec(output)?.[1]));
    expect(complained.match(/give the server keys/g)).toHaveLength(2);
    expect(complained).toMatch(/anybody who reaches this machine may do everything at tcp:\/\/0\.0\.0\.0:[1-9]/);
    expect(complained).toMatch(/every user of this machine may read what is published at tcp:\/\/127\.0\.0\.1:[1-9]/);
  });
});
