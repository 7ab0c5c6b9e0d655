import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Dealer, Request, Subscriber } from 'zeromq';
import { answer } from '../../src/control/answer.js';
import { createControl } from '../../src/control/control.js';
import { createInProcessTransport } from '../../src/testing/index.js';
import { createPublisher } from '../../src/transport/publisher.js';
import { createRequestRouter } from '../../src/transport/router.js';
import { type MakeWire, transportContract, type WirePeer } from '../contract/transport.js';
import { FakeTree } from './fake-tree.js';

const PATIENCE = 20_000;

/** A ROUTER and an XPUB socket, with DEALER and SUB sockets as clients. */
function overSockets(kind: 'ipc' | 'tcp'): MakeWire {
  return async (limits = {}) => {
    const directory = await mkdtemp(join(tmpdir(), 'supertree-contract-'));
    const at = (name: string) => (kind === 'ipc' ? `ipc://${join(directory, name)}` : 'tcp://127.0.0.1:*');
    const tree = new FakeTree('web', 'worker');
    const failures: unknown[] = [];
    const failed = (thrown: unknown) => void failures.push(thrown);
    const publisher = createPublisher(failed);
    const pubEndpoint = await publisher.bind(at('pub'));
    const control = createControl({
      tree,
      serverId: 'server-contract',
      version: '0.0.0',
      endpoints: () => [],
      pubEndpoints: [pubEndpoint],
      topics: publisher,
      limits,
      maxAgents: 10,
      plan: () => ({ command: ['true'], env: {} }),
      failed,
    });
    const router = createRequestRouter({
      handle: (payload, interim, context) => answer(control, payload, interim, context),
      failed,
      limits,
    });
    const endpoint = await router.bind(at('requests'));
    const subscribers: Subscriber[] = [];
    const close = async () => {
      for (const socket of subscribers) socket.close();
      control.close();
      await Promise.all([router.close(), publisher.close()]);
      await rm(directory, { recursive: true, force: true });
    };
    const subscribe = async (topic: string, listener: (frame: Buffer) => void) => {
      const socket = new Subscriber({ linger: 0 });
      subscribers.push(socket);
      socket.connect(pubEndpoint);
      socket.subscribe(topic);
      void receiveFrames(socket, listener);
      await expect.poll(() => publisher.hasSubscriber(topic), { timeout: PATIENCE }).toBe(true);
    };
    const asReq = (...frames: Uint8Array[]) => askAsReq(endpoint, frames);
    return { tree, failures, asReq, connect: () => dealerTo(endpoint), subscribe, close };
  };
}

function dealerTo(endpoint: string): WirePeer {
  const socket = new Dealer({ linger: 0, receiveTimeout: PATIENCE, sendHighWaterMark: 0 });
  socket.connect(endpoint);
  let line: Promise<unknown> = Promise.resolve();
  return {
    send: (payload) => {
      line = line.then(() => socket.send(['', payload]));
    },
    receive: async () => (await socket.receive())[1] ?? Buffer.alloc(0),
    close: () => socket.close(),
  };
}

async function askAsReq(endpoint: string, frames: Uint8Array[]): Promise<Buffer[]> {
  const socket = new Request({ linger: 0, receiveTimeout: PATIENCE });
  socket.connect(endpoint);
  try {
    await socket.send(frames);
    return await socket.receive();
  } finally {
    socket.close();
  }
}

async function receiveFrames(socket: Subscriber, listener: (frame: Buffer) => void): Promise<void> {
  for await (const [frame = Buffer.alloc(0)] of socket) listener(frame);
}

const inProcess: MakeWire = async (limits = {}) => {
  const tree = new FakeTree('web', 'worker');
  const failures: unknown[] = [];
  const plan = () => ({ command: ['true'], env: {} });
  const transport = createInProcessTransport(tree, {
    limits,
    maxAgents: 10,
    plan,
    failed: (thrown) => void failures.push(thrown),
  });
  return {
    tree,
    failures,
    asReq: null,
    connect: () => transport.connect(),
    subscribe: async (topic, listener) => void transport.subscribe(topic, listener),
    close: async () => transport.close(),
  };
};

transportContract('ipc', overSockets('ipc'), { sockets: true, pubEndpoints: true });
transportContract('tcp', overSockets('tcp'), { sockets: true, pubEndpoints: true });
transportContract('in process', inProcess, {
  sockets: 'there are no sockets, so no types of them and no frames beside the payload',
  pubEndpoints: 'there is no endpoint, its subscribe() is the way to follow',
});
