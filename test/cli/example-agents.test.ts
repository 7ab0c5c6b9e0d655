import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, connect } from '../../src/client/client.js';
import type { AgentRow } from '../../src/protocol/operations.js';
import { ask, launch, type Process, scratch, until } from './process.js';

const PATHS = [
  'root/web',
  'root/flaky',
  'root/pipeline/source',
  'root/pipeline/filter',
  'root/pipeline/sink',
  'root/stubborn',
  'root/workers/1',
  'root/workers/2',
  'root/workers/3',
];

describe('examples/agents', () => {
  let place: Awaited<ReturnType<typeof scratch>>;
  let server: Process;
  const supertree = (...argv: string[]) => ask(argv, place.endpoint);
  let client: Client;
  const rows = () => client.agents();
  const row = (agent: string) => client.status(agent);
  const pidOf = (all: readonly AgentRow[], path: string) => all.find((each) => each.path === path)?.pid;

  beforeAll(async () => {
    place = await scratch();
    server = launch(['serve', 'examples/agents/tree.toml'], { endpoint: place.endpoint });
    client = await connect({ endpoint: place.endpoint, wait: 60_000 });
    await until(async () => {
      const all = await rows();
      return all.length === PATHS.length && all.every(({ path, pid }) => path === 'root/flaky' || pid !== null);
    });
  });

  afterAll(async () => {
    await client.close();
    server.child.kill('SIGINT');
    await server.finished;
    await place.remove();
  });

  it('come up as one tree, every one a process', async () => {
    expect((await rows()).map(({ path }) => path).sort()).toEqual([...PATHS].sort());
  });

  it('web answers on its leased port with its incarnation', async () => {
    const { ports } = await row('web');
    const answer = await fetch(`http://127.0.0.1:${ports.http}/`);
    expect(await answer.text()).toBe('root/web, incarnation 1\n');
  });

  it('pipeline restarts the children after the one that ended', async () => {
    const before = await rows();
    await supertree('signal', 'filter', 'KILL');
    await until(async () => {
      const after = await rows();
      const changed = (path: string) => {
        const pid = pidOf(after, path);
        return typeof pid === 'number' && pid !== pidOf(before, path);
      };
      return changed('root/pipeline/filter') && changed('root/pipeline/sink');
    });
    expect(pidOf(await rows(), 'root/pipeline/source')).toBe(pidOf(before, 'root/pipeline/source'));
  });

  it('filter reads its input', async () => {
    await until(async () => (await row('filter')).state === 'running');
    await supertree('send', 'filter', '42');
    await until(async () => (await supertree('logs', 'filter')).out.includes('filter: 42 is even, kept\n'));
  });

  it('stubborn ignores both stop requests, and ends by SIGKILL', async () => {
    expect((await supertree('stop', 'stubborn')).code).toBe(0);
    expect((await row('stubborn')).exit).toMatchObject({ signal: 'SIGKILL', commanded: true });
    expect((await supertree('logs', 'stubborn')).out).toContain('stubborn: no\nstubborn: no\n');
    expect((await supertree('start', 'stubborn')).code).toBe(0);
  });

  // After 7 to 23 s, some of which pass during the tests above.
  it('flaky crashes with exit code 3 and a last word, and is restarted', async () => {
    await expect.poll(async () => (await row('flaky')).restarts, { interval: 500 }).toBeGreaterThan(0);
    const { exit } = await row('flaky');
    expect(exit).toMatchObject({ code: 3, signal: null, cause: 'exit', tail: ['flaky: the disk is on fire'] });
  });

  it('stop in reverse order and leave no process', async () => {
    const pids = (await rows()).flatMap(({ pid }) => (pid === null ? [] : [pid]));
    server.child.kill('SIGINT');
    expect((await server.finished).code).toBe(0);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    const ended = server
      .out()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line).report)
      .filter((report) => report?.type === 'exited' && report.exit.cause === 'shutdown')
      .map(({ path }) => path);
    const order = ['root/stubborn', 'root/pipeline/sink', 'root/pipeline/filter', 'root/pipeline/source', 'root/web'];
    expect(ended.filter((path) => order.includes(path))).toEqual(order);
  });
});
