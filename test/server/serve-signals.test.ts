import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
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

/** Starts a server and connects to it. `stdout`: if not given, it is read. */
async function connected(options: object, stdout: 'pipe' | number = 'pipe'): Promise<void> {
  const path = join(directory, 's.sock');
  const endpoint = `ipc://${path}`;
  const args = [FOREGROUND, JSON.stringify({ endpoint, ...options })];
  server = spawn(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] });
  listen();
  await expect.poll(() => existsSync(path)).toBe(true);
  client = await connect({ endpoint, timeout: 20_000 });
}

/** Keeps what the server says from now on. */
function listen(): void {
  [output, complained] = ['', ''];
  server.stdout?.on('data', (data) => {
    output += data;
  });
  server.stderr?.on('data', (data) => {
    complained += data;
  });
  exited = once(server, 'exit');
}

describe('serve', () => {
  it.each(['SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const)(
    'stops everything at %s, as at SIGTERM, and leaves no agent behind',
    async (signal) => {
      const pid = await serving();
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      server.kill(signal);
      const end = await exited;
      const left = existsSync(`/proc/${pid}`);
      if (left) process.kill(pid, 'SIGKILL');
      expect({ end, left }).toEqual({ end: [0, null], left: false });
      expect(output).toContain(`${signal}: stopping everything in reverse order`);
    },
    60_000,
  );

  it('calls it no error that it is stopped while its tree comes up', async () => {
    const file = join(directory, 'tree.json');
    const slow = { id: 'slow', command: ['cat'], readiness: { type: 'log', pattern: 'never' } };
    await writeFile(file, JSON.stringify({ children: [slow] }));
    await connected({ file });
    await expect.poll(async () => (await client.status('slow')).pid ?? 0).toBeGreaterThan(0);
    server.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(output).toContain('SIGTERM: stopping everything in reverse order');
    expect(complained).not.toContain('SUPERSEDED');
  });

  it('answers, and ends, as if nothing were amiss when its audit log is full, and says so once', async () => {
    const pid = await serving({ audit: '/dev/full' });
    const row = await client.restart('a');
    expect(row).toMatchObject({ state: 'running' });
    expect(row.pid).not.toBe(pid);
    await client.restart('a');
    server.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(complained.match(/The audit log \/dev\/full cannot be written/g)).toHaveLength(1);
  });

  it('says on standard error, once, that its log cannot be written, and works on', async () => {
    const file = join(directory, 'tree.json');
    await writeFile(file, JSON.stringify({ children: [{ id: 'a', command: ['cat'] }] }));
    const full = openSync('/dev/full', 'w');
    await connected({ file }, full);
    closeSync(full);
    expect(await client.restart('a')).toMatchObject({ state: 'running' });
    server.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(complained.match(/LOG_FILE: The log on standard output cannot be written: ENOSPC/g)).toHaveLength(1);
  });

  it('warns once for each kind of open endpoint, with the access that other processes have', async () => {
    const open = { insecure: true, endpoint: 'tcp://0.0.0.0:0', pubEndpoint: 'tcp://127.0.0.1:0' };
    server = spawn(process.execPath, [FOREGROUND, JSON.stringify(open)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    listen();
    await expect.poll(() => output).toContain('root is up');
    server.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(complained.match(/give the server keys/g)).toHaveLength(2);
    expect(complained).toMatch(/anybody who reaches this machine may do everything at tcp:\/\/0\.0\.0\.0:[1-9]/);
    expect(complained).toMatch(/every user of this machine may read what is published at tcp:\/\/127\.0\.0\.1:[1-9]/);
  });
});
