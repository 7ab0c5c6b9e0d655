import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import { createTree } from '../../../src/actors/tree.js';
import { pubEndpointsFor } from '../../../src/control/streams/endpoints.js';
import type { NodeInput } from '../../../src/model/input.js';
import { pack } from '../../../src/protocol/codec.js';
import { decode, encode } from '../../../src/protocol/decode.js';
import { parseEndpoint, pubEndpointBeside } from '../../../src/protocol/endpoint.js';
import { LogFrames } from '../../../src/protocol/log-frames.js';
import { wireTime } from '../../../src/protocol/status.js';
import { createServer, type Server } from '../../../src/server/server.js';
import { portRange } from '../../ports.js';
import { FakeTree } from '../../transport/fake-tree.js';
import { documentOf } from '../../transport/follower.js';
import { PublishingStage } from '../../transport/published.js';
import { type Answer, ask } from '../../transport/rig.js';

let stage: PublishingStage;

beforeEach(async () => {
  stage = await PublishingStage.open();
});

afterEach(async () => {
  await stage.close();
  expect(stage.failures).toEqual([]);
});

async function serving(children: readonly NodeInput[], endpoints?: readonly string[]): Promise<Server> {
  const server = await createServer({
    config: {
      tree: { id: 'root', boot: 'retry', children: [...children] },
      settings: { endpoints: endpoints ?? [`ipc://${join(stage.directory, 's.sock')}`, 'tcp://127.0.0.1:0'] },
    },
    createTree: (input) => createTree(input),
    insecure: true,
    failed: (thrown) => stage.failures.push(thrown),
  });
  stage.hold({ close: () => server.stop({ brutal: true }) });
  return server;
}

const documents = ({ frames }: { readonly frames: Buffer[][] }): Answer[] =>
  frames.map(([frame]) => documentOf(frame) as Answer);

describe('log_stream', () => {
  it('is one frame: the uuid, a zero byte and the message, numbered from 0 for each stream, over restarts of the agent', async () => {
    const printer = ['sh', '-c', 'read x; echo out; echo err >&2; printf "\\303\\050\\n"; exit 1'];
    const budget = { maxRestarts: 1_000, within: 1_000, backoff: { initial: 1, max: 1 } };
    const server = await serving([{ id: 'g', ...budget, children: [{ id: 'p', command: printer }] }]);
    await server.tree.start();
    const agent = server.tree.agent('p');
    const subscription = stage.subscribed(server.pubEndpoints[0] ?? '', agent.uuid);
    const logs = () => documents(subscription).filter(({ type }) => type === 'log_stream');
    // The subscription is at work when a line arrives; from then on none may be missing.
    await expect
      .poll(async () => {
        await agent.write('go\n').catch(() => undefined);
        return logs().filter(({ stream_type }) => stream_type === 'stdout').length;
      })
      .toBeGreaterThan(5);
    expect(agent.view().restarts).toBeGreaterThan(0);
    for (const stream of ['stdout', 'stderr']) {
      const sequence = logs()
        .filter(({ stream_type }) => stream_type === stream)
        .map(({ sequence }) => sequence as number);
      expect(sequence).toEqual(sequence.map((_, index) => (sequence[0] ?? 0) + index));
    }
    expect(logs().map(({ data }) => data)).toContainEqual([0xc3, 0x28, 0x0a]);
    for (const frames of subscription.frames) {
      expect(frames).toHaveLength(1);
      expect(frames[0]?.toString('latin1', 0, 37)).toBe(`${agent.uuid}\0`);
    }
  });

  it.each([0, 15, 16, 300, 70_000])('with %d bytes equals the encoding by the table of messages', (length) => {
    const uuid = '00112233-4455-6677-8899-aabbccddeeff';
    const frames = new LogFrames(uuid);
    for (const step of [1, 7, 0]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * step) % 256);
      const line = { seq: 5_000_000_000 + length, at: 1_700_000_000_123.5, partial: false, bytes };
      const written = frames.encode({ ...line, stream: 'stderr' });
      const common = { agent_id: uuid, timestamp: wireTime(line.at), sequence: line.seq, data: bytes };
      const expected = encode<'log_stream'>({ type: 'log_stream', stream_type: 'stderr', ...common });
      expect(written.equals(expected)).toBe(true);
      const decoded = decode(written);
      expect(
        decoded.ok && 'data' in decoded.message && Buffer.from(bytes).equals(decoded.message.data as Uint8Array),
      ).toBe(true);
    }
  });
});

describe('status_update', () => {
  it('has the right update type for every change: a pause, a restart, each kind of end', async () => {
    const tree = new FakeTree('web');
    const publisher = stage.publishing(tree);
    const web = tree.member('web');
    const subscription = stage.subscribed(await publisher.bind('tcp://127.0.0.1:*'), web.uuid);
    await expect.poll(() => publisher.stats.subscriptions).toBe(1);
    for (const state of [
      'paused',
      'running',
      'failed',
      'spawning',
      'running',
      'completed',
      'stopping',
      'stopped',
    ] as const) {
      web.move(state);
      await Promise.resolve();
      await Promise.resolve();
    }
    tree.report(web.path, { type: 'restarting', delay: 100, restarts: 1, left: 4, reason: 'exit 1' });
    tree.report(web.path, { type: 'error', problem: 'a probe failed' });
    await expect.poll(() => subscription.frames.length).toBe(10);
    expect(documents(subscription).map(({ update_type, status }) => [update_type, status])).toEqual([
      ['status_changed', 'paused'],
      ['status_changed', 'running'],
      ['error', 'failed'],
      ['status_changed', 'initializing'],
      ['status_changed', 'running'],
      ['completed', 'completed'],
      ['status_changed', 'running'],
      ['terminated', 'terminated'],
      ['status_changed', 'terminated'],
      ['error', 'terminated'],
    ]);
    expect(documents(subscription).at(-2)).toMatchObject({
      type: 'status_update',
      message: 'restarts in 100 ms after exit 1 (4 left)',
      data: { path: 'root/web', state: 'stopped', incarnation: 1 },
      timestamp: [1_700_000_000, 0],
    });
  });

  it('comes from a real agent that is stopped, with its sub-state and then its end', async () => {
    const server = await serving([{ id: 'a', command: ['sleep', '1000'] }]);
    await server.tree.start();
    const agent = server.tree.agent('a');
    const subscription = stage.subscribed(server.pubEndpoints[1] ?? '', agent.uuid);
    const updates = () => documents(subscription).map(({ update_type, message }) => [update_type, message]);
    await expect
      .poll(async () => {
        await agent.pause('forced');
        await agent.resume();
        return updates().length;
      })
      .toBeGreaterThan(1);
    await agent.stop();
    await expect.poll(() => updates().at(-1)).toEqual(['terminated', 'stopped']);
    expect(updates().at(-2)?.[1]).toMatch(/^stopping\./);
  });
});

describe('stream_logs and streams', () => {
  it('answer with endpoints that the caller can reach, at which the lines then come', async () => {
    const server = await serving([{ id: 'a', command: ['cat'] }]);
    await server.tree.start();
    const agent = server.tree.agent('a');
    const [ipc = '', tcp = ''] = server.endpoints;
    const [pubIpc, pubTcp] = server.pubEndpoints;
    expect(pubIpc).toBe(`ipc://${join(stage.directory, 's-pub.sock')}`);
    const command = pack(['control_command', 'c', agent.uuid, 'stream_logs', null]);
    const byIpc = (await ask(ipc, command)).data as Answer;
    const byTcp = (await ask(tcp, command)).data as Answer;
    expect(byIpc).toMatchObject({
      pub_endpoint: pubIpc,
      pub_endpoints: [pubIpc, pubTcp],
      topic: agent.uuid,
      enabled: true,
    });
    expect(byTcp).toMatchObject({ pub_endpoint: pubTcp, pub_endpoints: [pubTcp, pubIpc] });
    const streams = (await ask(tcp, pack({ type: 'tree_request', request_id: 't', operation: 'streams' }))).data;
    expect(streams).toMatchObject({ pubEndpoints: [pubTcp, pubIpc], epoch: expect.any(String) });
    for (const { pub_endpoint, topic } of [byIpc, byTcp]) {
      const subscription = stage.subscribed(String(pub_endpoint), String(topic));
      await expect
        .poll(async () => {
          await agent.write('hello\n');
          return subscription.frames.length;
        })
        .toBeGreaterThan(0);
    }
  });

  it('release the pub endpoints with the server', async () => {
    const server = await serving([]);
    const [ipc = '', tcp = ''] = server.pubEndpoints;
    await server.stop();
    expect(existsSync(ipc.slice('ipc://'.length))).toBe(false);
    const refused = new Promise((resolve) => {
      connect(Number(new URL(tcp).port), '127.0.0.1').on('error', ({ message }) => resolve(message));
    });
    expect(await refused).toContain('ECONNREFUSED');
  });

  const machine = [
    { address: 'fe80::1', internal: false },
    { address: '2001:db8::7', internal: false },
    { address: '192.0.2.7', internal: false },
    { address: '127.0.0.1', internal: true },
  ];
  it.each([
    [
      'by ipc',
      'ipc:///run/s.sock',
      ['tcp://0.0.0.0:2', 'ipc:///run/p.sock'],
      ['ipc:///run/p.sock', 'tcp://127.0.0.1:2'],
    ],
    [
      'by the loopback',
      'tcp://127.0.0.1:1',
      ['ipc:///run/p.sock', 'tcp://127.0.0.1:2'],
      ['tcp://127.0.0.1:2', 'ipc:///run/p.sock'],
    ],
    ['by the IPv6 loopback', 'tcp://[::1]:1', ['tcp://[::]:2'], ['tcp://[::1]:2']],
    ['by one address', 'tcp://192.0.2.7:1', ['ipc:///run/p.sock', 'tcp://0.0.0.0:2'], ['tcp://192.0.2.7:2']],
    ['by any address', 'tcp://0.0.0.0:1', ['tcp://0.0.0.0:2'], ['tcp://192.0.2.7:2', 'tcp://[2001:db8::7]:2']],
    ['by any address, to one', 'tcp://0.0.0.0:1', ['tcp://192.0.2.9:2'], ['tcp://192.0.2.9:2']],
    ['from elsewhere, to the loopback only', 'tcp://192.0.2.7:1', ['ipc:///run/p.sock', 'tcp://127.0.0.1:2'], []],
    ['from inside', 'inproc://supertree', ['tcp://127.0.0.1:2'], ['tcp://127.0.0.1:2']],
  ])('who asks %s is told what it can reach', (_how, asked, bound, expected) => {
    expect(pubEndpointsFor(bound, asked, machine)).toEqual(expected);
  });

  it.each([
    ['tcp://127.0.0.1:5555', 'tcp://127.0.0.1:5556'],
    ['tcp://[::1]:7001', 'tcp://[::1]:7002'],
    ['tcp://127.0.0.1:*', 'tcp://127.0.0.1:0'],
    ['tcp://127.0.0.1:65535', 'tcp://127.0.0.1:0'],
    ['ipc:///run/supertree.sock', 'ipc:///run/supertree-pub.sock'],
    ['ipc:///run/x', 'ipc:///run/x-pub'],
  ])('beside %s is %s', (endpoint, beside) => {
    expect(pubEndpointBeside(parseEndpoint(endpoint))).toBe(beside);
  });

  it('keep clear of the ports that the server itself listens at', async () => {
    const free = await freePorts();
    const server = await serving([], [`tcp://127.0.0.1:${free}`, `tcp://127.0.0.1:${free + 1}`]);
    expect(new Set([...server.endpoints, ...server.pubEndpoints]).size).toBe(4);
  });

  it('answer a DEALER as well, which need not wait for its answers', async () => {
    const server = await serving([]);
    const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
    stage.hold(socket);
    socket.connect(server.endpoints[0] ?? '');
    await socket.send(pack({ type: 'tree_request', request_id: 't', operation: 'streams' }));
    expect(documentOf(Buffer.concat([Buffer.from([0]), ...(await socket.receive())]))).toMatchObject({ success: true });
  });
});

/** The first of three free ports in a row. */
async function freePorts(): Promise<number> {
  const { createServer: listen } = await import('node:net');
  for (let port = portRange(3); ; port = portRange(3)) {
    const all = await Promise.all(
      [port, port + 1, port + 2].map(
        (each) =>
          new Promise<boolean>((resolve) => {
            const probe = listen();
            probe.once('error', () => resolve(false));
            probe.listen(each, '127.0.0.1', () => probe.close(() => resolve(true)));
          }),
      ),
    );
    if (all.every(Boolean)) return port;
  }
}
