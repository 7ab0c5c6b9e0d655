import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SupervisorView } from '../../src/contract/view.js';
import { KillableServer } from './killable-server.js';

let server: KillableServer;
beforeEach(() => {
  server = new KillableServer();
});
afterEach(() => server.dispose());

const LONG_BACKOFF = 'backoff = { initial = 60000, max = 60000, jitter = 0 }';

describe('a restart that was planned when the server was killed', () => {
  it('follows after the time that was left', async () => {
    const backoff = 'backoff = { initial = 4000, max = 4000, jitter = 0 }';
    await server.start(`${backoff}
[[children]]
id = "crashes"
command = ["sh", "-c", "exit 3"]
`);
    await expect.poll(() => retryOf('crashes')).toMatchObject({ state: 'failed', restarts: 0 });
    const { exit } = await server.client.status('crashes');
    const due = exit!.exitedAt + 4000;
    await server.kill();
    await server.start();
    const waiting = await server.client.status('crashes');
    if (Date.now() < due) expect(waiting).toMatchObject({ state: 'failed', restarts: 0, exit: { code: 3 } });
    await expect.poll(async () => (await server.client.status('crashes')).restarts).toBeGreaterThan(0);
    const second = await server.client.status('crashes');
    expect(second.startedAt).toBeGreaterThanOrEqual(due - 1);
  });

  it('shows the delay, charges nothing twice, and may be started at once by a command', async () => {
    await server.start(`${LONG_BACKOFF}
maxRestarts = 1
[[children]]
id = "other"
command = ["sleep", "300"]
[[children]]
id = "crashes"
command = ["sh", "-c", "sleep 300; exit 3"]
`);
    process.kill((await server.client.status('crashes')).pid!, 'SIGKILL');
    await expect.poll(() => retryOf('crashes')).toMatchObject({ detail: 'failed.retrying' });
    for (let kill = 0; kill < 2; kill += 1) {
      await server.kill();
      await server.start();
      expect(await retryOf('crashes')).toMatchObject({ detail: 'failed.retrying', restarts: 0, incarnation: 1 });
    }
    expect((await server.client.tree()).status).toBe('running');
    expect(await server.client.start('crashes')).toMatchObject({ state: 'running', incarnation: 2 });
  });

  it('is that of a whole group, whose members wait as well', async () => {
    await server.start(`
[[children]]
id = "group"
strategy = "one_for_all"
${LONG_BACKOFF}
children = [{ id = "a", command = ["sleep", "300"] }, { id = "b", command = ["sleep", "300"] }]
[[children]]
id = "pool"
${LONG_BACKOFF}
pool = { size = 2, agent = { command = ["sleep", "300"] } }
`);
    const { pid } = await server.client.status('root/pool/2');
    process.kill((await server.client.status('a')).pid!, 'SIGKILL');
    process.kill((await server.client.status('root/pool/1')).pid!, 'SIGKILL');
    const states = async () => (await server.client.agents()).map((row) => [row.path, row.detail]);
    const waiting = [
      ['root/group/a', 'failed.retrying'],
      ['root/group/b', 'stopped'],
      ['root/pool/1', 'failed.retrying'],
      ['root/pool/2', 'running.unknown'],
    ];
    await expect.poll(states).toEqual(waiting);
    await server.kill();
    await server.start();
    expect(await states()).toEqual(waiting);
    expect((await server.client.status('root/pool/2')).pid).toBe(pid);
  });
});

const FAILS = `
[[children]]
id = "group"
maxRestarts = 0
children = [{ id = "a", command = ["sleep", "300"] }, { id = "b", command = ["sh", "-c", "sleep 0.3; echo broken >&2; exit 4"] }]
onExhausted = "escalate"
restart = "transient"
[[children]]
id = "fine"
command = ["sleep", "300"]
`;

describe('a group that had failed when the server was killed', () => {
  it('stays failed, with its reason, its culprit and its members, until its supervisor is asked to start it', async () => {
    await server.start(`maxRestarts = 0\nonExhausted = "fail"\n${FAILS}`);
    await expect.poll(async () => (await groupOf()).status).toBe('failed');
    const before = await server.client.agents();
    const group = await groupOf();
    for (let kill = 0; kill < 2; kill += 1) {
      await server.kill();
      await server.start();
      expect(await groupOf()).toEqual(group);
      expect(group.failure).toMatchObject({ path: 'root/group/b', exit: { code: 4, tail: ['broken'] } });
      const known = ({ path, uuid, state, incarnation, restarts, exit }: (typeof before)[0]) =>
        ({ path, uuid, state, incarnation, restarts, exit }); // biome-ignore format: one line
      expect((await server.client.agents()).map(known)).toEqual(before.map(known));
    }
    await server.client.request('restart_child', { path: 'root', id: 'group' });
    expect((await groupOf()).status).toBe('running');
    expect(await server.client.status('root/group/b')).toMatchObject({ incarnation: 2 });
  });

  it('is failed while it waits for its restart, which follows after the time that was left', async () => {
    const backoff = 'backoff = { initial = 60000, max = 60000, jitter = 0 }';
    await server.start(`${backoff}\n${FAILS.replace('"transient"', '"permanent"')}`);
    await expect.poll(async () => (await groupOf()).status).toBe('failed');
    await server.kill();
    await server.start();
    expect((await server.client.tree()).status).toBe('running');
    expect(await groupOf()).toMatchObject({ status: 'failed', failure: { path: 'root/group/b' } });
  });
});

async function groupOf(): Promise<SupervisorView> {
  return (await server.client.tree()).children[0] as SupervisorView;
}

async function retryOf(agent: string) {
  const { state, detail, restarts, incarnation } = await server.client.status(agent);
  return { state, detail, restarts, incarnation };
}
