import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../cli/process.js';
import { eventually } from '../contract/recorder.js';
import { KillableServer } from './killable-server.js';
import { isRunning, processFacts } from './proc.js';

const COUNTS = 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done';

let server: KillableServer;

/** The pids of all agents by path. */
async function pidsByPath(): Promise<Record<string, number | null>> {
  return Object.fromEntries((await server.client.agents()).map(({ path, pid }) => [path, pid]));
}

const TREE = `
[[children]]
id = "counter"
command = ["sh", "-c", "${COUNTS}"]
[[children]]
id = "web"
command = ["sh", "-c", "echo ready; exec sleep 300"]
ports = ["http"]
readiness = { type = "log", pattern = "^ready" }
[[children]]
id = "stopped"
command = ["sleep", "300"]
[[children]]
id = "done"
command = ["true"]
restart = "transient"
[[children]]
id = "crashes"
command = ["sh", "-c", "sleep 300; exit 3"]
[[children]]
id = "paused"
command = ["sleep", "300"]
[[children]]
id = "stubborn"
command = ["sh", "-c", "trap '' TERM; echo up; exec sleep 300"]
readiness = { type = "log", pattern = "up" }
stop = { ask = 1500, insist = 0 }
[[children]]
id = "asks"
command = ["sh", "-c", 'for n in 1 2 3 4 5 6; do printf "$n? "; read answer; echo $answer; done; exec sleep 300']
[[children]]
id = "pool"
pool = { size = 2, agent = { command = ["sleep", "300"] } }
[[children]]
id = "group"
strategy = "one_for_all"
children = [{ id = "a", command = ["sleep", "300"] }, { id = "b", command = ["sleep", "300"] }]
`;

/** One server is killed twice; the tests look in this order at what the next one has. */
describe('a server with a state directory that is killed', () => {
  type Views = Awaited<ReturnType<typeof server.client.agents>>;
  let before: Views;
  let after: Views;
  const seqs: number[] = [];
  let following: Promise<void>;
  const pidOf = (id: string) => before.find((agent) => agent.id === id)!.pid!;
  const linesOf = async (agent: string) => (await server.client.logs(agent)).next.stdout;

  beforeAll(async () => {
    server = new KillableServer();
    await server.start(TREE);
    const { client } = server;
    following = follow();
    await client.restart('web');
    await client.spawn({ id: 'added', command: ['sleep', '300'] });
    await client.stop('stopped');
    await client.pause('paused');
    await client.stop('root/pool/1');
    await client.request('add_child', { path: 'root/pool' });
    const more = { id: 'more', children: [{ id: 'c', command: ['sleep', '300'] }] };
    await client.request('add_child', { path: 'root', spec: more });
    await until(async () => (await client.status('done')).state === 'completed');
    await answer('asks', 6);
    await eventually(() => seqs.length > 10, 'lines');
    before = await client.agents();
    client.stop('stubborn').catch(() => {});
    await until(async () => (await client.status('stubborn')).state === 'stopping');
    await server.kill();
    process.kill(-pidOf('crashes'), 'SIGKILL');
    await eventually(() => !existsSync(`/proc/${pidOf('crashes')}`), 'the end of crashes');
    await server.start();
    after = await client.agents();
  });
  afterAll(() => server.dispose());

  /** Answers so many prompts, each when it was seen as a line of its own. */
  async function answer(agent: string, prompts: number): Promise<void> {
    for (let lines = 1; lines < 2 * prompts; lines += 2) {
      await until(async () => (await linesOf(agent)) === lines);
      await server.client.send(agent, 'answer\n');
    }
    await until(async () => (await linesOf(agent)) === 2 * prompts);
  }

  async function follow(): Promise<void> {
    for await (const item of server.client.logs('counter', { follow: true, from: 0 })) {
      if (item.type === 'line') seqs.push(item.seq);
      if (seqs.length > 60 && hasSecondSuccessor) return;
    }
  }
  let hasSecondSuccessor = false;

  it('leaves its agents to the next one: same pids, restarts, ports, uuids and lines', async () => {
    const lasting = (views: Views) =>
      views
        .filter(({ id }) => ['counter', 'web', 'added'].includes(id))
        .map(({ path, uuid, pid, ports, restarts, incarnation, state, startedAt, readyAt, createdAt }) => {
          return { path, uuid, pid, ports, restarts, incarnation, state, startedAt, readyAt, createdAt };
        });
    expect(lasting(after)).toEqual(lasting(before));
    expect(lasting(after)).toHaveLength(3);
    expect(after.find(({ id }) => id === 'web')).toMatchObject({ restarts: 1, ports: { http: expect.any(Number) } });
    const { lines } = await server.client.logs('counter', { stream: 'stdout' });
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, at) => lines[0]!.seq + at));
    expect(lines.map(({ text }) => text)).toEqual(lines.map(({ seq }) => `line ${seq + 1}\n`));
  });

  it('leaves down what was stopped, and restarts by its policy what ended meanwhile', async () => {
    await expect.poll(async () => (await server.client.status('crashes')).incarnation).toBe(2);
    expect(await server.client.status('crashes')).toMatchObject({
      restarts: 1,
      exit: { incarnation: 1, pid: pidOf('crashes'), signal: 'SIGKILL', cause: 'signal' },
    });
    expect(await server.client.status('stopped')).toMatchObject({ state: 'stopped', incarnation: 1 });
    expect(await server.client.status('done')).toMatchObject({ state: 'completed', incarnation: 1, exit: { code: 0 } });
  });

  it('goes on with a pause and with a stop that were under way', async () => {
    await expect.poll(async () => (await server.client.status('paused')).state).toBe('paused');
    await expect.poll(async () => (await server.client.status('stubborn')).state).toBe('stopped');
    const pids = [pidOf('paused'), pidOf('stubborn')];
    expect(pids.map((pid) => existsSync(`/proc/${pid}`))).toEqual([true, false]);
  });

  it('has pools, nested supervisors and added groups as they were', async () => {
    const nested = ({ path }: { path: string }) => path.split('/').length > 2;
    const pidsIn = (views: Views) => views.filter(nested).map(({ path, pid }) => [path, pid]);
    expect(pidsIn(after)).toEqual(pidsIn(before));
    expect(
      after
        .filter(nested)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['root/group/a', 'root/group/b', 'root/more/c', 'root/pool/2', 'root/pool/3']);
  });

  it('goes on with the numbers of lines after prompts, which were lines before their end', async () => {
    await expect.poll(() => linesOf('asks')).toBe(12);
  });

  it('refuses a second server with its directory, and names the first', async () => {
    const { code, err } = await server.startAnother();
    expect(err).toContain(`belongs to another supertree server (pid ${server.pid})`);
    expect(code).toBe(1);
  });

  it('ends by its stop stages an agent that the tree file does not have any more', async () => {
    const seen = seqs.length;
    await eventually(() => seqs.length > seen + 10, 'more lines');
    await server.kill();
    await server.start(`
[[children]]
id = "counter"
command = ["sh", "-c", "${COUNTS}"]
[[children]]
id = "new"
command = ["sleep", "300"]
`);
    hasSecondSuccessor = true;
    await eventually(() => !existsSync(`/proc/${pidOf('web')}`), 'the end of web');
    const pids = await pidsByPath();
    expect(Object.keys(pids).sort()).toEqual(['root/added', 'root/counter', 'root/more/c', 'root/new']);
    expect(pids['root/counter']).toBe(pidOf('counter'));
  });

  it('lets a follower of its log go on, without a line lost or doubled', async () => {
    await following;
    expect(seqs).toEqual(seqs.map((_, at) => at));
  });

  it('leaves nothing after it is stopped by SIGTERM', async () => {
    const pids = Object.values(await pidsByPath());
    expect(await server.terminate()).toBe(0);
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(server.processes()).toEqual([]);
  });
});

describe('a server with a state directory that is killed with its keeper', () => {
  it('kills what a keeper has left that was killed with the server, and doubles nothing', async () => {
    server = new KillableServer();
    onTestFinished(() => server.dispose());
    await server.start('[[children]]\nid = "a"\ncommand = ["sh", "-c", "setsid sleep 300 & exec sleep 300"]\n');
    const { pid } = await server.client.status('a');
    const members = () => server.members('root/a');
    await expect.poll(members).toHaveLength(2);
    const before = members();
    const keeper = processFacts(pid!)!.parent;
    await server.kill();
    process.kill(keeper, 'SIGKILL');
    await server.start();
    await expect.poll(members).toHaveLength(2);
    expect(before.filter(isRunning)).toEqual([]);
  });
});
