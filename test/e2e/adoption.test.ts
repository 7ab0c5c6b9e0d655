import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../contract/recorder.js';
import { KillableServer } from './killable-server.js';
import { isRunning, processFacts } from './proc.js';

const COUNTS = 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.02; done';

let server: KillableServer;
beforeEach(() => {
  server = new KillableServer();
});
afterEach(() => server.dispose());

/** The numbers of the lines that an agent has printed, as they are numbered by the server. */
async function counted(agent: string): Promise<number[]> {
  const { lines } = await server.client.logs(agent, { stream: 'stdout' });
  return lines.map(({ seq, text }) => {
    expect(text).toBe(`line ${seq + 1}\n`);
    return seq;
  });
}

describe('a server with a state directory that is killed', () => {
  it('leaves its agents to the next one: same pids, restarts, ports, uuids and lines', async () => {
    await server.start(`
[[children]]
id = "counter"
command = ["sh", "-c", "${COUNTS}"]
[[children]]
id = "web"
command = ["sh", "-c", "echo ready; exec sleep 300"]
ports = ["http"]
readiness = { type = "log", pattern = "^ready" }
`);
    await server.client.restart('web');
    await server.client.spawn({ id: 'added', command: ['sleep', '300'] });
    const before = await server.client.agents();
    await server.kill();
    await server.start();
    const after = await server.client.agents();
    const lasting = ({
      path,
      uuid,
      pid,
      ports,
      restarts,
      incarnation,
      state,
      startedAt,
      readyAt,
      createdAt,
    }: (typeof after)[0]) => ({ path, uuid, pid, ports, restarts, incarnation, state, startedAt, readyAt, createdAt });
    expect(after.map(lasting)).toEqual(before.map(lasting));
    expect(after.find(({ id }) => id === 'web')).toMatchObject({ restarts: 1, ports: { http: expect.any(Number) } });
    const seqs = await counted('counter');
    expect(seqs).toEqual(seqs.map((_, at) => at));
  });

  it('leaves down what was stopped, and restarts by its policy what ended meanwhile', async () => {
    await server.start(`
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
`);
    await server.client.stop('stopped');
    const { pid } = await server.client.status('crashes');
    await expect.poll(async () => (await server.client.status('done')).state).toBe('completed');
    await server.kill();
    process.kill(-pid!, 'SIGKILL');
    await eventually(() => !existsSync(`/proc/${pid}`), 'the end of crashes');
    await server.start();
    await expect.poll(async () => (await server.client.status('crashes')).incarnation).toBe(2);
    expect(await server.client.status('crashes')).toMatchObject({
      restarts: 1,
      exit: { incarnation: 1, pid, signal: 'SIGKILL', cause: 'signal' },
    });
    expect(await server.client.status('stopped')).toMatchObject({ state: 'stopped', incarnation: 1 });
    expect(await server.client.status('done')).toMatchObject({ state: 'completed', incarnation: 1, exit: { code: 0 } });
  });

  it('goes on with a pause and with a stop that were under way', async () => {
    await server.start(`
[[children]]
id = "paused"
command = ["sh", "-c", "${COUNTS}"]
[[children]]
id = "stubborn"
command = ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"]
readiness = { type = "log", pattern = "up" }
stop = { ask = 1500, insist = 0 }
`);
    await server.client.pause('paused');
    const pids = [(await server.client.status('paused')).pid, (await server.client.status('stubborn')).pid];
    server.client.stop('stubborn').catch(() => {});
    await expect.poll(async () => (await server.client.status('stubborn')).state).toBe('stopping');
    await server.kill();
    await server.start();
    await expect.poll(async () => (await server.client.status('paused')).state).toBe('paused');
    await expect.poll(async () => (await server.client.status('stubborn')).state).toBe('stopped');
    expect(pids.map((pid) => existsSync(`/proc/${pid}`))).toEqual([true, false]);
  });

  it('has pools, nested supervisors and added groups as they were', async () => {
    await server.start(`
[[children]]
id = "pool"
pool = { size = 2, agent = { command = ["sleep", "300"] } }
[[children]]
id = "group"
strategy = "one_for_all"
children = [{ id = "a", command = ["sleep", "300"] }, { id = "b", command = ["sleep", "300"] }]
`);
    await server.client.stop('root/pool/1');
    await server.client.request('add_child', { path: 'root/pool' });
    await server.client.request('add_child', {
      path: 'root',
      spec: { id: 'more', children: [{ id: 'c', command: ['sleep', '300'] }] },
    });
    const pidsOf = async () => Object.fromEntries((await server.client.agents()).map(({ path, pid }) => [path, pid]));
    const before = await pidsOf();
    await server.kill();
    await server.start();
    expect(await pidsOf()).toEqual(before);
    expect(Object.keys(before).sort()).toEqual([
      'root/group/a',
      'root/group/b',
      'root/more/c',
      'root/pool/2',
      'root/pool/3',
    ]);
  });

  it('ends by its stop stages an agent that the tree file does not have any more', async () => {
    await server.start('[[children]]\nid = "old"\ncommand = ["sleep", "300"]\n');
    const { pid } = await server.client.status('old');
    await server.kill();
    await server.start('[[children]]\nid = "new"\ncommand = ["sleep", "300"]\n');
    await eventually(() => !existsSync(`/proc/${pid}`), 'the end of old');
    expect((await server.client.agents()).map(({ id }) => id)).toEqual(['new']);
  });

  it('lets a follower of its log go on, without a line lost or doubled', async () => {
    await server.start(`[[children]]\nid = "counter"\ncommand = ["sh", "-c", "${COUNTS}"]\n`);
    const seqs: number[] = [];
    const following = (async () => {
      for await (const item of server.client.logs('counter', { follow: true, from: 0 })) {
        if (item.type === 'line') seqs.push(item.seq);
        if (seqs.length > 150) return;
      }
    })();
    for (let kill = 0; kill < 2; kill += 1) {
      const seen = seqs.length;
      await eventually(() => seqs.length > seen + 10, 'more lines');
      await server.kill();
      await server.start();
    }
    await following;
    expect(seqs).toEqual(seqs.map((_, at) => at));
  });

  it('goes on with the numbers of lines after prompts, which were lines before their end', async () => {
    const asks = 'for n in 1 2 3 4 5 6; do printf "$n? "; sleep 0.3; echo answer; done; exec sleep 300';
    await server.start(`[[children]]\nid = "asks"\ncommand = ["sh", "-c", '${asks}']\n`);
    const next = async () => (await server.client.logs('asks')).next.stdout;
    await expect.poll(next).toBeGreaterThanOrEqual(12);
    await server.kill();
    await server.start();
    await expect.poll(next).toBe(12);
  });

  it('leaves nothing after it is stopped by SIGTERM, nor after it never ran', async () => {
    await server.start('[[children]]\nid = "a"\ncommand = ["sleep", "300"]\n');
    const { pid } = await server.client.status('a');
    await server.kill();
    await server.start();
    expect(await server.terminate()).toBe(0);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(server.processes()).toEqual([]);
  });

  it('kills what a keeper has left that was killed with the server, and doubles nothing', async () => {
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

  it('refuses a second server with its directory, and names the first', async () => {
    await server.start('[[children]]\nid = "a"\ncommand = ["sleep", "300"]\n');
    const { code, err } = await server.startAnother();
    expect(err).toContain(`belongs to another supertree server (pid ${server.pid})`);
    expect(code).toBe(1);
  });
});
