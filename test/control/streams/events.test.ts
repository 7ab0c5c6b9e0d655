import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTree } from '../../../src/actors/tree.js';
import type { Peer } from '../../../src/control/access/roles.js';
import { EventStream } from '../../../src/control/streams/events.js';
import { ReportFanOut } from '../../../src/control/streams/report-fan-out.js';
import { NO_TOPICS, Subscriptions, type Topics } from '../../../src/control/streams/topics.js';
import type { NodeInput } from '../../../src/model/input.js';
import { pack, unpack } from '../../../src/protocol/codec.js';
import type { Snapshot, StreamEvent } from '../../../src/protocol/operations.js';
import { createServer, type Server } from '../../../src/server/server.js';
import { FakeTree } from '../../transport/fake-tree.js';
import { Follower, knownIn } from '../../transport/follower.js';
import { ask } from '../../transport/rig.js';

const sleeps = (id: string, more: object = {}) => ({ id, command: ['sleep', '1000'], ...more }) satisfies NodeInput;

let directory: string;
const failures: unknown[] = [];
const open: { close(): Promise<unknown> }[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
});

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
  await rm(directory, { recursive: true, force: true });
  expect(failures.splice(0)).toEqual([]);
});

async function serving(children: readonly NodeInput[]): Promise<Server> {
  const server = await createServer({
    config: {
      tree: { id: 'root', boot: 'retry', children: [...children] },
      settings: { endpoints: [`ipc://${join(directory, 'e.sock')}`] },
    },
    createTree: (input) => createTree(input),
    failed: (thrown) => failures.push(thrown),
  });
  open.push({ close: () => server.stop({ brutal: true }) });
  return server;
}

function following(server: Server): Follower {
  const follower = new Follower(server.pubEndpoints[0] ?? '');
  open.push(follower);
  return follower;
}

async function snapshotOf(server: Server): Promise<Snapshot> {
  const request = { type: 'tree_request', request_id: 's', operation: 'snapshot' };
  const { data } = await ask(server.endpoints[0] ?? '', pack(request));
  return data as Snapshot;
}

/** A follower that has seen its first position, so nothing of what comes is lost. */
async function settled(server: Server): Promise<Follower> {
  const follower = following(server);
  await expect.poll(() => follower.read().positions.length).toBeGreaterThan(0);
  follower.begin(await snapshotOf(server));
  return follower;
}

async function expectIdentical(follower: Follower, server: Server): Promise<void> {
  const snapshot = await snapshotOf(server);
  await expect.poll(() => follower.read().seq).toBeGreaterThanOrEqual(snapshot.seq);
  expect(follower.missed).toBe(false);
  // More has happened since the snapshot: the state of the follower is that of a later one.
  if (follower.seq > snapshot.seq) return expectIdentical(follower, server);
  expect(follower.known).toEqual(knownIn(snapshot));
}

describe('the events of a real tree', () => {
  it('come with numbers without a gap, each life in the order created, started, ready, exited, removed', async () => {
    const server = await serving([]);
    const follower = await settled(server);
    await server.tree.start();
    const crasher = { id: 'crasher', command: ['sh', '-c', 'echo up; exit 3'], restart: 'temporary' as const };
    await server.tree.supervisor().add({ ...crasher, readiness: { type: 'log', pattern: 'up' } });
    await expect.poll(() => follower.read().received.some(({ event }) => event.type === 'removed')).toBe(true);
    const types = follower.received.filter(({ path }) => path === 'root/crasher').map(({ event }) => event.type);
    const lives = ['created', 'started', 'ready', 'exited', 'removed'];
    expect(types.filter((type) => lives.includes(type))).toEqual(lives);
    const seqs = follower.received.map(({ seq }) => seq);
    expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
    expect(new Set(follower.received.map(({ epoch }) => epoch))).toEqual(new Set([follower.epoch]));
    expect(follower.received.filter(({ event }) => event.type === 'removed').map(({ agent }) => agent)).toEqual([
      undefined,
    ]);
  });

  it('lead a subscriber to the state of a fresh snapshot, whatever was done', async () => {
    const server = await serving([sleeps('a'), { id: 'g', children: [sleeps('b'), sleeps('c')] }]);
    const follower = await settled(server);
    const { tree } = server;
    await tree.start();
    await expectIdentical(follower, server);
    await tree.agent('a').pause('forced');
    await expectIdentical(follower, server);
    await tree.agent('a').resume();
    await tree.agent('b').restart();
    const stopping = tree.agent('c').stop();
    await expectIdentical(follower, server);
    await stopping;
    await expectIdentical(follower, server);
    await tree.supervisor('root/g').add(sleeps('d'));
    const { pid } = tree.agent('d').view();
    process.kill(pid as number, 'SIGKILL');
    await expect.poll(() => tree.agent('d').view().restarts).toBe(1);
    await expectIdentical(follower, server);
    await tree.supervisor().terminate('g');
    await expectIdentical(follower, server);
    await tree.supervisor().delete('g');
    await expectIdentical(follower, server);
    expect([...follower.agents.keys()]).toEqual(['root/a']);
    expect([...follower.supervisors.keys()]).toEqual(['root']);
  });

  it('have another epoch after a restart of the server, which a follower learns without asking', async () => {
    const first = await serving([sleeps('old')]);
    const follower = await settled(first);
    await first.tree.start();
    await first.stop({ brutal: true });
    const second = await serving([sleeps('new')]);
    await second.tree.start();
    await expect.poll(() => follower.read().missed).toBe(true);
    const { epoch } = await snapshotOf(second);
    expect(follower.positions.at(-1)?.epoch).toBe(epoch);
    expect(epoch).not.toBe(follower.epoch);
    follower.begin(await snapshotOf(second));
    await expectIdentical(follower, second);
    expect([...follower.agents.keys()]).toEqual(['root/new']);
  });

  it('are counted without subscribers, so that one that returns knows its gap', async () => {
    const server = await serving([sleeps('a')]);
    await server.tree.start();
    const before = await snapshotOf(server);
    expect(before.seq).toBeGreaterThan(0);
    await server.tree.agent('a').restart();
    const after = await snapshotOf(server);
    expect(after.seq).toBeGreaterThan(before.seq);
    const follower = following(server);
    follower.begin(before);
    await expect.poll(() => follower.read().missed).toBe(true);
    follower.begin(after);
    await expectIdentical(follower, server);
  });
});

/** Topics that keep what is published, and count what is made. */
class Kept implements Topics {
  wanted = true;
  readonly events: StreamEvent[] = [];
  hasSubscriber = () => this.wanted;
  onSubscribed = NO_TOPICS.onSubscribed;
  publish(_topic: string, make: () => Uint8Array): void {
    if (this.wanted) this.events.push(unpack(make()) as StreamEvent);
  }
}

function followed(tree: FakeTree, topics: Topics): EventStream {
  return new EventStream(tree, topics, new ReportFanOut(tree, (thrown) => failures.push(thrown)));
}

describe('the stream of events', () => {
  it('publishes at a snapshot changes without a report, so that subscribers have them too', () => {
    const tree = new FakeTree('web', 'worker');
    const topics = new Kept();
    const stream = followed(tree, topics);
    const first = stream.snapshot();
    tree.member('web').state = 'stopping';
    tree.members.pop();
    const second = stream.snapshot();
    expect(topics.events).toMatchObject([
      { seq: 1, path: 'root/worker', event: { type: 'removed' } },
      { seq: 2, path: 'root/web', event: { type: 'changed' }, agent: { state: 'stopping', detail: 'stopping.asking' } },
    ]);
    expect([first.seq, second.seq]).toEqual([0, 2]);
    stream.close();
  });

  it('publishes collected reports before a snapshot that includes them', () => {
    const tree = new FakeTree('web');
    const topics = new Kept();
    const stream = followed(tree, topics);
    tree.member('web').move('paused');
    const { seq, agents } = stream.snapshot();
    expect(topics.events).toMatchObject([{ seq: 1, event: { type: 'state', state: 'paused' } }]);
    expect({ seq, state: agents[0]?.state }).toEqual({ seq: 1, state: 'paused' });
    stream.close();
  });

  it('encodes no event without a subscriber, and still numbers it', async () => {
    const tree = new FakeTree('web');
    const topics = new Kept();
    topics.wanted = false;
    const stream = followed(tree, topics);
    for (let n = 0; n < 1_000; n++) tree.member('web').move(n % 2 === 0 ? 'paused' : 'running');
    // A subscription comes from a socket, so after the reports of a cascade.
    await Promise.resolve();
    topics.wanted = true;
    expect(stream.snapshot().seq).toBe(1_000);
    expect(topics.events).toEqual([]);
    stream.close();
  });

  it('shows a peer of a part of the tree only that part, and counts the events of it since its first snapshot', () => {
    const tree = new FakeTree('web', 'worker');
    const stream = followed(tree, NO_TOPICS);
    const peer: Peer = { name: 'web', grants: [{ roles: ['observe'], subtree: 'root/web' }] };
    const part = new FakeTree('web');
    const visible = { peer, agents: () => part.agents(), view: () => part.view() };
    tree.member('worker').move('paused');
    expect(stream.snapshot(visible)).toMatchObject({ seq: 0, agents: [{ path: 'root/web' }] });
    tree.member('web').move('paused');
    tree.member('worker').move('running');
    expect(stream.snapshot(visible).seq).toBe(1);
    expect(stream.snapshot({ ...visible, peer: { ...peer, grants: null } }).seq).toBe(3);
    stream.close();
  });
});

describe('subscriptions', () => {
  it('cover the topics that they are a prefix of, also when they reach into the document', () => {
    const all = new Subscriptions();
    expect(all.covers('events')).toBe(false);
    for (const each of ['ev', 'web\0', 'worker\0\x87', 'worker\0\x88']) all.add(each);
    expect(['events', 'web', 'worker', 'webs', 'e'].map((topic) => all.covers(topic))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    all.delete('worker\0\x87');
    expect(all.covers('worker')).toBe(true);
    all.delete('worker\0\x88');
    expect(all.covers('worker')).toBe(false);
    all.add('');
    expect(all.covers('anything')).toBe(true);
  });

  it('count once however often an XPUB socket reports them, and are looked up fast', () => {
    const all = new Subscriptions();
    for (let n = 0; n < 50_000; n++) all.add(`topic-${n}`);
    all.add('topic-7');
    all.delete('topic-7');
    all.delete('topic-7');
    expect(all.size).toBe(49_999);
    expect(all.covers('topic-49999')).toBe(true);
    expect(all.covers('other')).toBe(false);
  });
});
