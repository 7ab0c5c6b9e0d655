import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import { readStat } from '../../src/drivers/proc/proc.js';
import { SupertreeError } from '../../src/errors.js';
import { pack } from '../../src/protocol/codec.js';
import { ask } from '../transport/rig.js';

const FOREGROUND = fileURLToPath(new URL('./fixtures/foreground.mjs', import.meta.url));
const IGNORES_TERM = ['sh', '-c', 'trap "" TERM; echo deaf; exec sleep 1000'];
const DEAF = { id: 'deaf', command: IGNORES_TERM, readiness: { type: 'log', pattern: 'deaf' }, stop: { ask: 60_000 } };

let directory: string;
const servers: ChildProcess[] = [];
const clients: Client[] = [];

async function prepared(): Promise<void> {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
}

async function cleared(): Promise<void> {
  for (const client of clients.splice(0)) await client.close();
  for (const server of servers.splice(0)) await killed(server);
  await rm(directory, { recursive: true, force: true });
}

interface Foreground {
  readonly process: ChildProcess;
  readonly endpoint: string;
  readonly client: Client;
  /** Its report lines so far, standard output only. */
  messages(): string[];
  /** Resolves with its exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts a real server with a tree file and resolves when it answers. */
async function serving(tree: object, more: object = {}): Promise<Foreground> {
  const file = join(directory, 'tree.json');
  await writeFile(file, JSON.stringify(tree));
  const endpoint = `ipc://${join(directory, 's.sock')}`;
  const { process: child, messages, ended } = run({ file, endpoint, ...more });
  const client = await reached(endpoint);
  return { process: child, endpoint, client, messages, ended };
}

function run(options: object) {
  const child = spawn(process.execPath, [FOREGROUND, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  servers.push(child);
  let out = '';
  let err = '';
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  const messages = () =>
    out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { process: child, messages, ended, complaint: () => err };
}

async function reached(endpoint: string): Promise<Client> {
  for (const until = Date.now() + 30_000; ; ) {
    try {
      const client = await connect({ endpoint, timeout: 5_000, patience: 2_000 });
      clients.push(client);
      return client;
    } catch (thrown) {
      if (Date.now() > until || !(thrown instanceof SupertreeError) || thrown.code !== 'NO_SERVER') throw thrown;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const alive = (pid: number | null | undefined) => typeof pid === 'number' && existsSync(`/proc/${pid}`);
const cat = (id: string) => ({ id, command: ['cat'] });

describe('a server', () => {
  let server: Foreground;
  beforeAll(async () => {
    await prepared();
    const open = { pubEndpoint: 'tcp://127.0.0.1:0', insecure: true };
    server = await serving({ children: [cat('a'), cat('b')] }, { ...open, maxAgents: 3 });
  });
  afterAll(cleared);

  it('runs a tree file, answers, and publishes at the given endpoint, which it logs', async () => {
    expect(statSync(join(directory, 's.sock')).mode & 0o777).toBe(0o600);
    await expect.poll(() => server.messages()).toContain('root is up');
    expect(server.messages()).toContain(`listening on ${server.endpoint}`);
    expect(server.messages()).toContainEqual(expect.stringMatching(/^publishing on tcp:\/\/127\.0\.0\.1:[1-9]/));
    const rows = await server.client.agents();
    expect(rows).toMatchObject([
      { path: 'root/a', state: 'running' },
      { path: 'root/b', state: 'running' },
    ]);
    expect(rows.every(({ pid }) => alive(pid))).toBe(true);
    const uuid = rows[0]?.uuid;
    const reply = await ask(server.endpoint, pack(['control_command', 'c', uuid, 'stream_logs', null]));
    expect(reply).toMatchObject({ success: true, data: { enabled: true, topic: uuid } });
  });

  it('runs an agent that a client of the agent protocol spawns, reads, writes to, pauses and stops, and none above its limit', async () => {
    const spawned = await ask(
      server.endpoint,
      pack(['spawn_request', 's', ['my cat', 'cat-cli', '-', null, null, {}], 30, null]),
    );
    expect(spawned).toMatchObject({ success: true, agent_info: { name: 'my cat', status: 'running', task: '-' } });
    const { id } = spawned.agent_info as { id: Buffer };
    await expect(server.client.spawn({ id: 'c', command: ['cat'] })).rejects.toMatchObject({ code: 'AGENT_LIMIT' });
    const control = (command: string, payload: unknown = null) =>
      ask(server.endpoint, pack(['control_command', 'c', id, command, payload]));
    expect(await control('write_stdin', { data: Buffer.from('hello\n').toString('base64') })).toMatchObject({
      success: true,
      data: { bytes_written: 6 },
    });
    await expect.poll(() => control('read_stdout')).toMatchObject({ data: { data: 'aGVsbG8K', bytes: 6 } });
    const [row] = (await server.client.agents()).filter(({ id }) => id !== 'a' && id !== 'b');
    const stateOf = () => readStat(row?.pid ?? 0)?.state;
    expect(await control('pause', { force: true })).toMatchObject({ success: true, status: 'paused' });
    expect(stateOf()).toBe('T');
    expect(await control('resume')).toMatchObject({ success: true, status: 'running' });
    expect(stateOf()).not.toBe('T');
    expect(await control('stop')).toMatchObject({ success: true, status: 'terminated' });
    expect(alive(row?.pid)).toBe(false);
  });

  it('does not start anything when its endpoint is taken by a living server', async () => {
    const pids = async () => (await server.client.agents()).map(({ path, pid }) => [path, pid]);
    const before = await pids();
    const second = run({ file: join(directory, 'tree.json'), endpoint: server.endpoint });
    expect(await second.ended).toBe(9);
    expect(second.complaint()).toContain(
      `${server.endpoint} is in use by another supertree server (pid ${server.process.pid}).`,
    );
    expect(second.messages()).toEqual([]);
    expect(await pids()).toEqual(before);
  });

  it('stops in reverse order with exit code 0 at SIGINT, leaving nothing', async () => {
    const rows = (await server.client.agents()).filter(({ state }) => state === 'running');
    expect(rows).toHaveLength(2);
    server.process.kill('SIGINT');
    expect(await server.ended).toBe(0);
    const messages = server.messages();
    const last = messages.slice(messages.indexOf('SIGINT: stopping everything in reverse order'));
    const exits = last.filter((line) => line.includes('exited'));
    expect(exits.map((line) => line.split(' ')[0])).toEqual(['root/b', 'root/a']);
    expect(messages.at(-1)).toBe('stopped');
    expect(rows.some(({ pid }) => alive(pid))).toBe(false);
    expect(existsSync(join(directory, 's.sock'))).toBe(false);
  });
});

describe('a server of its own', () => {
  beforeEach(prepared);
  afterEach(cleared);

  it('takes a second SIGINT within a second for the first one, and hurries at a later one', async () => {
    const server = await serving({ children: [DEAF] });
    await expect.poll(async () => (await server.client.status('deaf')).state).toBe('running');
    const { pid } = await server.client.status('deaf');
    server.process.kill('SIGINT');
    await expect.poll(() => server.messages()).toContain('SIGINT: stopping everything in reverse order');
    server.process.kill('SIGINT');
    // It answers while it stops.
    expect(await server.client.status('deaf')).toMatchObject({ state: 'stopping' });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(server.messages()).not.toContain('SIGINT again: killing the processes that are left');
    expect(alive(pid)).toBe(true);
    server.process.kill('SIGINT');
    expect(await server.ended).toBe(0);
    expect(server.messages()).toContain('SIGINT again: killing the processes that are left');
    expect(alive(pid)).toBe(false);
  });

  it('exits with 1 when its tree gives up', async () => {
    const file = join(directory, 'tree.toml');
    await writeFile(file, 'maxRestarts = 0\nonExhausted = "escalate"\n[[children]]\nid = "a"\ncommand = ["false"]\n');
    const { ended, messages } = run({ file, endpoint: `ipc://${join(directory, 's.sock')}` });
    expect(await ended).toBe(1);
    expect(messages().at(-1)).toMatch(/^gave up: /);
    expect(existsSync(join(directory, 's.sock'))).toBe(false);
  });

  it('takes over the socket of a killed server; its clients reconnect by themselves', async () => {
    const server = await serving({ children: [DEAF] });
    await expect.poll(async () => (await server.client.status('deaf')).state).toBe('running');
    const { pid } = await server.client.status('deaf');
    const pending = server.client.stop('deaf').catch((thrown: unknown) => thrown);
    await expect.poll(async () => (await server.client.status('deaf')).state).toBe('stopping');
    await killed(server.process);
    if (pid !== null) process.kill(pid, 'SIGKILL');
    expect(await pending).toMatchObject({ code: 'NO_SERVER' });
    expect(existsSync(join(directory, 's.sock'))).toBe(true);
    await serving({ children: [cat('new')] });
    const again = () => server.client.agents().catch(() => []);
    await expect.poll(again).toMatchObject([{ path: 'root/new' }]);
  });
});
