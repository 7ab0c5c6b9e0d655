import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { type Client, type TreeItem, TreeState } from '../../src/client/client.js';
import type { AgentView } from '../../src/contract/view.js';
import type { StreamEvent } from '../../src/protocol/operations.js';
import { FakeTree } from '../transport/fake-tree.js';
import { Stage } from '../transport/live.js';
import { ScriptedServer } from '../transport/scripted.js';

let stage: Stage;
let server: ScriptedServer;

beforeEach(async () => {
  stage = await Stage.open();
  server = await ScriptedServer.start();
  server.answers.streams = () => ({ pubEndpoints: [server.pubEndpoint], epoch: 'e' });
});

afterEach(async () => {
  await server.close();
  await stage.close();
  expect(stage.failures).toEqual([]);
});

const web: AgentView = new FakeTree('web').member('web').view();
const agent = (path: string, more: Partial<AgentView> = {}): AgentView => ({ ...web, path, ...more });
const event = (seq: number, more: Partial<StreamEvent> = {}, epoch = 'e'): StreamEvent => ({
  type: 'event',
  epoch,
  seq,
  at: 5,
  path: 'root/web',
  event: { type: 'resumed', incarnation: 1 },
  ...more,
});
const snapshotAt = (seq: number, epoch = 'e') => ({ epoch, seq, agents: [], supervisors: [] });

/** Everything that is told, as it comes. */
function collect(client: Client): { readonly items: TreeItem[]; readonly over: Promise<string> } {
  const items: TreeItem[] = [];
  const over = (async () => {
    for await (const item of client.events()) items.push(item);
    return 'ended';
  })().catch(String);
  return { items, over };
}

/** Repeats a position until the subscription is at work, which shows in the snapshot. */
async function begun(items: readonly TreeItem[], seq: number): Promise<void> {
  const told = () => {
    server.publish('events', { type: 'position', epoch: 'e', seq, at: 1 });
    return items.length;
  };
  await expect.poll(told).toBe(1);
}

const outline = (items: readonly TreeItem[]) =>
  items.map((item) => (item.type === 'event' ? item.seq : `${item.reason} ${item.missed} ${item.seq}`));

describe('events', () => {
  it('begin with a snapshot, then come in order, each once, and nothing that the snapshot has', async () => {
    server.answers.snapshot = () => snapshotAt(7);
    const { items } = collect(await stage.connect(server.endpoint));
    await begun(items, 7);
    for (const seq of [6, 7, 8, 8, 9, 7, 10]) server.publish('events', event(seq));
    await expect.poll(() => outline(items)).toEqual(['start 0 7', 8, 9, 10]);
    expect(items[1]).toEqual({ ...event(8), server: server.endpoint });
  });

  it('that are missing are replaced by a snapshot, which says so', async () => {
    server.answers.snapshot = () => snapshotAt(3);
    const { items } = collect(await stage.connect(server.endpoint));
    await begun(items, 3);
    server.answers.snapshot = () => snapshotAt(6);
    for (const seq of [4, 6, 7]) server.publish('events', event(seq));
    await expect.poll(() => outline(items)).toEqual(['start 0 3', 4, 'gap 2 6', 7]);
  });

  it('that are missing at the end are noticed by the position of the stream', async () => {
    server.answers.snapshot = () => snapshotAt(3);
    const { items } = collect(await stage.connect(server.endpoint));
    await begun(items, 3);
    server.answers.snapshot = () => snapshotAt(5);
    server.publish('events', { type: 'position', epoch: 'e', seq: 5, at: 1 });
    await expect.poll(() => outline(items)).toEqual(['start 0 3', 'gap 2 5']);
  });

  it('of another epoch are those of another server: a snapshot says that it was restarted', async () => {
    server.answers.snapshot = () => snapshotAt(3);
    const { items } = collect(await stage.connect(server.endpoint));
    await begun(items, 3);
    server.answers.snapshot = () => snapshotAt(2, 'f');
    for (const seq of [2, 3]) server.publish('events', event(seq, {}, 'f'));
    await expect.poll(() => outline(items)).toEqual(['start 0 3', 'restarted null 2', 3]);
  });

  it('survive documents that are not events', async () => {
    server.answers.snapshot = () => snapshotAt(3);
    const { items } = collect(await stage.connect(server.endpoint));
    await begun(items, 3);
    for (const garbage of [Buffer.from([0xc1]), Buffer.alloc(0), 'text', { type: 'event' }, [[[]]]]) {
      server.publish('events', garbage);
    }
    server.publish('eventsandmore', event(9));
    server.publish('events', event(4));
    await expect.poll(() => outline(items)).toEqual(['start 0 3', 4]);
  });

  it('end when they are abandoned, and when the client is closed', async () => {
    server.answers.snapshot = () => snapshotAt(3);
    const client = await stage.connect(server.endpoint);
    const { items, over } = collect(client);
    await begun(items, 3);
    const position = { type: 'position', epoch: 'e', seq: 3, at: 1 };
    const publishing = setInterval(() => server.publish('events', position), 50);
    for await (const item of client.events()) {
      expect(item.type).toBe('snapshot');
      break;
    }
    const waiting = client.events();
    await waiting.next();
    clearInterval(publishing);
    const next = waiting.next();
    await waiting.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
    await client.close();
    expect(await over).toBe('ended');
    expect(await client.events().next()).toEqual({ done: true, value: undefined });
  });

  it('are refused with the reason of the server', async () => {
    server.answers.streams = () => ({ pubEndpoints: [], epoch: 'e' });
    const { over } = collect(await stage.connect(server.endpoint));
    expect(await over).toMatch(/does not support events, because it publishes nowhere/);
  });

  it('of a real tree lead to the same state as a snapshot, over a restart of the server', async () => {
    const tree = () => createTree({ id: 'root', children: [{ id: 'web', command: ['sleep', '1000'] }] });
    const first = await stage.serveTree('a', tree());
    await first.server.tree.start();
    const client = await stage.connect(first.endpoint);
    const state = new TreeState();
    const reasons: string[] = [];
    void (async () => {
      for await (const item of client.events()) {
        state.apply(item);
        if (item.type === 'snapshot') reasons.push(item.reason);
      }
    })();
    await expect.poll(() => reasons).toEqual(['start']);
    await client.restart('web');
    await client.spawn({ id: 'job', command: ['sleep', '1000'] });
    await client.spawn({ id: 'brief', command: ['true'], restart: 'temporary' }).catch(() => {});
    await client.pause('job');
    await expect.poll(() => sorted(state.agents.values())).toEqual(sorted((await client.snapshot()).agents));
    await first.stop();
    const second = await stage.serveTree('a', tree());
    await second.server.tree.start();
    await expect.poll(() => reasons).toEqual(['start', 'restarted']);
    await client.stop('web');
    await expect.poll(() => sorted(state.agents.values())).toEqual(sorted((await client.snapshot()).agents));
    expect([...state.supervisors.values()]).toEqual((await client.snapshot()).supervisors);
  });
});

describe('the state of a tree', () => {
  it('follows snapshots and events: removed paths take their subtree along', () => {
    const state = new TreeState();
    const agents = [agent('root/web'), agent('root/pool/1'), agent('root/pools/1')];
    const supervisors = ['root', 'root/pool', 'root/pools'].map((path) => ({ path, status: 'running' as const }));
    state.apply({ type: 'snapshot', reason: 'start', missed: 0, epoch: 'e', seq: 1, agents, supervisors, server: 's' });
    const paused = agent('root/web', { state: 'paused' });
    state.apply({ ...event(2, { agent: paused }), server: 's' });
    const stopped = { path: 'root/pools', status: 'stopped' as const };
    state.apply({ ...event(3, { path: 'root/pools', supervisor: stopped, event: { type: 'changed' } }), server: 's' });
    state.apply({ ...event(4, { path: 'root/pool', event: { type: 'removed', uuid: 'u' } }), server: 's' });
    expect([...state.agents.values()]).toEqual([paused, agents[2]]);
    expect([...state.supervisors.values()]).toEqual([supervisors[0], stopped]);
  });
});

function sorted(agents: Iterable<AgentView>): AgentView[] {
  return [...agents].sort((a, b) => (a.path < b.path ? -1 : 1));
}
