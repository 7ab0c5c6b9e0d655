import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/transport/client.js';

const FOREGROUND = fileURLToPath(new URL('./fixtures/foreground.ts', import.meta.url));

let directory: string;
let server: ChildProcess;
let client: Client;
let told: string;
let complained: string;
let exited: Promise<unknown[]>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(async () => {
  await client.close();
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
  const endpoint = `ipc://${join(directory, 's.sock')}`;
  const args = ['--import', 'tsx', FOREGROUND, JSON.stringify({ file, endpoint, ...more })];
  server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  [told, complained] = ['', ''];
  server.stdout?.on('data', (data) => {
    told += data;
  });
  server.stderr?.on('data', (data) => {
    complained += data;
  });
  exited = once(server, 'exit');
  await expect.poll(() => told, { timeout: 30_000 }).toContain('root is up');
  client = await connect({ endpoint, timeout: 20_000 });
  return (await client.status('a')).pid ?? 0;
}

describe('serve', () => {
  it.each(['SIGHUP', 'SIGQUIT'] as const)(
    'stops everything at %s, as at SIGTERM, and leaves no agent behind',
    async (signal) => {
      const pid = await serving();
      expect(existsSync(`/proc/${pid}`)).toBe(true);
      server.kill(signal);
      const end = await exited;
      const left = existsSync(`/proc/${pid}`);
      if (left) process.kill(pid, 'SIGKILL');
      expect({ end, left }).toEqual({ end: [0, null], left: false });
      expect(told).toContain(`${signal}: stopping everything in reverse order`);
    },
    60_000,
  );

  it('answers, and ends, as if nothing were amiss when its audit log is full, and says so once', async () => {
    const pid = await serving({ audit: '/dev/full' });
    const row = await client.restart('a');
    expect(row).toMatchObject({ state: 'running' });
    expect(row.pid).not.toBe(pid);
    await client.restart('a');
    server.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(complained.match(/The audit log \/dev\/full cannot be written/g)).toHaveLength(1);
  }, 60_000);
});
