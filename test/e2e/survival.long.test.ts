import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, connect, type LogItem, type SnapshotItem, TreeState } from '../../src/client.js';
import { SupertreeError } from '../../src/errors.js';
import { launch, type Process, scratch, until } from '../cli/process.js';
import { FaultyNetwork } from '../transport/faulty-network.js';
import { MARK, processesMarked } from './proc.js';

/*
 * A client, a server process and what can come between them. Whatever happens, each request ends, nothing is done twice by one server, and
 * who follows knows in the end what is.
 */

const POLL = { timeout: 60_000, interval: 100 };

let place: Awaited<ReturnType<typeof scratch>>;
let mark: string;
let server: Process;
let client: Client;
const networks: FaultyNetwork[] = [];

beforeEach(async () => {
  place = await scratch();
  mark = `survival-${process.pid}-${performance.now()}`;
  const env = { [MARK]: mark };
  const children = [
    { id: 'cat', command: ['cat'], env },
    {
      id: 'slow',
      command: ['sh', '-c', 'sleep 0.3; echo up; exec sleep 1000'],
      readiness: { type: 'log', pattern: 'up' },
      env,
    },
  ];
  await writeFile(join(place.path, 'tree.json'), JSON.stringify({ children }));
  await serve();
});

afterEach(async () => {
  await client.close();
  for (const network of networks.splice(0)) await network.close();
  server.child.kill('SIGTERM');
  await server.finished;
  // The processes that a killed server left behind.
  for (const { pid } of processesMarked(mark)) process.kill(pid, 'SIGKILL');
  await place.remove();
});

async function serve(): Promise<void> {
  server = launch(['serve', join(place.path, 'tree.json')], { endpoint: place.endpoint });
  await until(() => server.out().includes('is up'));
}

/** An agent that appends the pid of its server and its own id to a file. */
function recordingAgent(id: string) {
  const command = ['sh', '-c', `echo "$PPID ${id}" >> ${place.path}/started; exec sleep 1000`];
  return { id, command, env: { [MARK]: mark }, restart: 'temporary' } as const;
}

/** Sends 100 requests of every kind at once. */
function startRequests(client: Client): Promise<unknown>[] {
  const each = (count: number, make: (n: number) => Promise<unknown>) =>
    Array.from({ length: count }, (_, n) => make(n));
  return [
    ...each(30, () => client.status('cat')),
    ...each(25, (n) => client.send('cat', `line ${n}\n`)),
    ...each(15, (n) => client.spawn(recordingAgent(`job${n}`))),
    ...each(15, () => client.restart('slow')),
    ...each(10, () => client.agents({ usage: true })),
    ...each(5, () => client.pause('cat').then(() => client.resume('cat'))),
  ];
}

/** Waits until each request has an answer or an expected error. Resolves with the codes of the errors. */
async function errorCodes(requests: readonly Promise<unknown>[]): Promise<string[]> {
  const ended = await Promise.race([Promise.allSettled(requests), sleep(90_000, 'some hang', { ref: false })]);
  if (typeof ended === 'string') throw new Error(ended);
  // Followers of events and lines send requests too, so the counts are polled.
  const left = () => ({ inFlight: client.statistics.inFlight, queued: client.statistics.queued });
  await expect.poll(left).toEqual({ inFlight: 0, queued: 0 });
  return ended.flatMap((each) => {
    if (each.status === 'fulfilled') return [];
    expect(each.reason).toBeInstanceOf(SupertreeError);
    const { code } = each.reason as SupertreeError;
    expect(EXPECTED_CODES, String(each.reason)).toContain(code);
    return [code];
  });
}

/** The errors that a request may get whose server was killed or restarted. */
const EXPECTED_CODES = [
  'NO_SERVER',
  'AGENT_NOT_FOUND',
  'ALREADY_STARTED',
  'ALREADY_PRESENT',
  'INVALID_STATE',
  'SUPERSEDED',
  'STDIN_CLOSED',
  'SUPERVISOR_ENDED',
  'TREE_NOT_STARTED',
  'TIMEOUT',
];

/** A line for each start of an agent: the pid of its server and its id, sorted. */
async function started(): Promise<string[]> {
  const text = await readFile(join(place.path, 'started'), 'utf8').catch(() => '');
  return text.trimEnd().split('\n').sort();
}

/** Follows the events of the tree and the output of cat. */
function follow() {
  const state = new TreeState();
  const snapshots: SnapshotItem['reason'][] = [];
  const lines: string[] = [];
  void (async () => {
    for await (const item of client.events()) {
      state.apply(item);
      if (item.type === 'snapshot') snapshots.push(item.reason);
    }
  })();
  void (async () => {
    for await (const item of client.logs('cat', { follow: true })) lines.push(textOf(item));
  })();
  return { state, snapshots, lines };
}

function textOf(item: LogItem): string {
  return item.type === 'line' ? item.text : item.type;
}

async function expectSameAsSnapshot(state: TreeState): Promise<void> {
  const isSame = async () => {
    const { agents, supervisors } = await client.snapshot();
    const known = [...state.agents.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const present = [...agents].sort((a, b) => (a.path < b.path ? -1 : 1));
    return JSON.stringify([known, [...state.supervisors.values()]]) === JSON.stringify([present, supervisors]);
  };
  await expect.poll(isSame, POLL).toBe(true);
}

describe('a server that is killed under 100 requests', () => {
  it.each([0, 20, 150])('and is restarted: each ends, after %i ms', async (delay) => {
    client = await connect({ endpoint: place.endpoint, timeout: 5_000, patience: 60_000 });
    const { state, snapshots } = follow();
    await expect.poll(() => snapshots, POLL).toEqual(['start']);
    const requests = startRequests(client);
    const ending = errorCodes(requests);
    await sleep(delay);
    server.child.kill('SIGKILL');
    await server.finished;
    await serve();
    await ending;
    const all = await started();
    expect(all).toEqual([...new Set(all)]);
    await expect.poll(() => snapshots, POLL).toContain('restarted');
    await client.restart('cat');
    await expectSameAsSnapshot(state);
    expect(await client.health()).toMatchObject({ healthy: true });
  });

  it('and does not come back: each ends with the reason', async () => {
    client = await connect({ endpoint: place.endpoint, timeout: 5_000, patience: 500 });
    const requests = startRequests(client);
    const ending = errorCodes(requests);
    server.child.kill('SIGKILL');
    await server.finished;
    const codes = await ending;
    expect(new Set(codes)).toEqual(new Set(['NO_SERVER']));
    await serve();
  });
});

describe('a network between client and server', () => {
  const harms: Readonly<Record<string, (network: FaultyNetwork) => void>> = {
    cuts: (network) => network.cut(),
    stalls: (network) => network.stall(),
    'half closes': (network) => network.halfClose(),
  };

  it.each(Object.entries(harms))(
    'that %s: each request ends, nothing is done twice, nothing is missed',
    async (_, harm) => {
      const network = await through(place.endpoint);
      const published = await through(place.endpoint.replace('s.sock', 's-pub.sock'));
      const endpoints = { endpoint: network.endpoint, pubEndpoint: published.endpoint };
      client = await connect({ ...endpoints, timeout: 5_000, patience: 60_000, idle: 500 });
      const { state, snapshots, lines } = follow();
      await expect.poll(() => snapshots, POLL).toEqual(['start']);
      const requests = startRequests(client);
      const ending = errorCodes(requests);
      for (const delay of [0, 30, 400]) {
        await sleep(delay);
        harm(network);
        harm(published);
        const before = client.statistics.reconnections;
        await expect.poll(() => client.statistics.reconnections, POLL).toBeGreaterThan(before);
      }
      await ending;
      const all = await started();
      expect(all).toEqual([...new Set(all)]);
      expect(all).toHaveLength(15);
      await client.resume('cat').catch(() => {});
      await client.send('cat', 'the end\n');
      await expect.poll(() => lines.at(-1), POLL).toBe('the end\n');
      const { lines: kept } = await client.logs('cat');
      expect(lines).toEqual(kept.map(({ text }) => text));
      expect(new Set(lines).size).toBe(lines.length);
      await expectSameAsSnapshot(state);
    },
  );
});

async function through(endpoint: string): Promise<FaultyNetwork> {
  const network = await FaultyNetwork.to(endpoint);
  networks.push(network);
  return network;
}

describe('a client that is closed', () => {
  it('leaves nothing that would keep its process alive, whatever it was doing', async () => {
    client = await connect({ endpoint: place.endpoint, timeout: 5_000 });
    const script = `
      import { connect } from '${new URL('../../dist/client.js', import.meta.url).href}';
      const client = await connect({ endpoint: '${place.endpoint}', timeout: 5000 });
      const late = { id: 'late', command: ['sleep', '1000'], readiness: { type: 'log', pattern: 'never', timeout: 600000 } };
      const lost = client.spawn(late).catch((error) => error.code);
      const events = client.events();
      await events.next();
      for await (const item of client.events()) break;
      const logs = client.logs('cat', { follow: true }).next();
      await client.status('cat');
      await client.close();
      console.log(await lost, (await logs).done, (await events.next()).done);
    `;
    const file = join(place.path, 'closes.mjs');
    await writeFile(file, script);
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      cwd: new URL('../..', import.meta.url).pathname,
      timeout: 60_000,
    });
    expect(stdout).toBe('CLIENT_CLOSED true true\n');
  });
});
