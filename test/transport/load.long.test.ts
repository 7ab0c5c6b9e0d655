import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { Dealer } from 'zeromq';
import { createTree } from '../../src/actors/tree.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { createServer } from '../../src/server/server.js';
import { subscribe } from './follower.js';
import { RawPeer } from './raw-peer.js';
import { type Answer, ask, createRig, type Rig } from './rig.js';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

async function rigged(options: Parameters<typeof createRig>[0] = {}): Promise<Rig> {
  const rig = await createRig(options);
  open.push({
    close: async () => {
      await rig.close();
      expect(rig.failures).toEqual([]);
    },
  });
  return rig;
}

function dealer(endpoint: string): Dealer {
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000, sendHighWaterMark: 0, receiveHighWaterMark: 0 });
  socket.connect(endpoint);
  open.push(socket);
  return socket;
}

async function next(socket: Dealer): Promise<Answer> {
  return unpack((await socket.receive())[1] ?? Buffer.alloc(0)) as Answer;
}

const portOf = (endpoint: string) => Number(new URL(endpoint).port);
const health = (request_id: string) => pack({ type: 'health_check_request', request_id });

describe('requests under load', () => {
  it('for one agent never delay those for another: a slow stop, and a hundred queries', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
    open.push({ close: () => rm(directory, { recursive: true, force: true }) });
    const stubborn = ['sh', '-c', 'trap "" TERM; echo up; while :; do sleep 0.1; done'];
    const failures: unknown[] = [];
    const server = await createServer({
      config: {
        tree: {
          id: 'root',
          children: [
            { id: 'slow', command: stubborn, readiness: { type: 'log', pattern: 'up' }, stop: { ask: 60_000 } },
            { id: 'quick', command: ['sleep', '1000'] },
          ],
        },
        settings: { endpoints: [`ipc://${join(directory, 'l.sock')}`] },
      },
      createTree: (input) => createTree(input),
      failed: (thrown) => failures.push(thrown),
    });
    open.push({ close: () => server.stop({ brutal: true }) });
    await server.tree.start();
    const socket = dealer(server.endpoints[0] ?? '');
    const send = (request_id: string, operation: string, agent: string) =>
      socket.send(['', pack({ type: 'tree_request', request_id, operation, params: { agent }, accepted: true })]);
    await send('stop', 'stop', 'slow');
    expect(await next(socket)).toEqual({ type: 'accepted', request_id: 'stop' });
    for (let n = 0; n < 100; n++) await send(`r${n}`, n % 10 === 0 ? 'restart' : 'status', 'quick');
    const answers = new Map<unknown, Answer>();
    while (answers.size < 100) {
      const answer = await next(socket);
      if (answer.type === 'tree_response') answers.set(answer.request_id, answer);
    }
    expect(answers.has('stop')).toBe(false);
    expect([...answers.values()].every(({ success }) => success === true)).toBe(true);
    expect(server.tree.agent('slow').view().state).toBe('stopping');
    await server.tree.agent('slow').kill();
    expect(await next(socket)).toMatchObject({ request_id: 'stop' });
    expect(failures).toEqual([]);
  });

  it('that arrive while the server closes its endpoints cause no error', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
    open.push({ close: () => rm(directory, { recursive: true, force: true }) });
    const failures: unknown[] = [];
    for (let round = 0; round < 3; round++) {
      const server = await createServer({
        config: {
          tree: { id: 'root', children: [{ id: 'a', command: ['sleep', '1000'] }] },
          settings: { endpoints: ['a', 'b', 'c'].map((name) => `ipc://${join(directory, name)}`) },
        },
        createTree: (input) => createTree(input),
        failed: (thrown) => failures.push(thrown),
      });
      await server.tree.start();
      const subscriptions = server.pubEndpoints.map((endpoint) => subscribe(endpoint, ''));
      const sockets = server.endpoints.map(dealer);
      const answered = sockets.map(async (socket) => {
        await socket.send(['', health('first')]);
        await next(socket);
        for await (const _ of socket);
      });
      const push = async (socket: Dealer) => {
        for (let n = 0; n < 5; n++) await socket.send(['', health('h')]);
      };
      const sending = setInterval(() => {
        for (const socket of sockets) push(socket).catch(() => undefined);
      }, 1);
      await expect.poll(() => subscriptions.every(({ frames }) => frames.length > 0)).toBe(true);
      expect(await server.stop()).toMatchObject({ clean: true });
      clearInterval(sending);
      for (const socket of sockets) socket.close();
      await Promise.allSettled(answered);
      for (const each of subscriptions) await each.close();
    }
    expect(failures).toEqual([]);
  });

  it('of one peer are answered by their ids, hundreds in flight, in whatever order they are done', async () => {
    const rig = await rigged();
    const releases: (() => void)[] = [];
    const web = rig.tree.member('web');
    const socket = dealer(rig.tcp);
    for (let n = 0; n < 300; n++) {
      web.hold = new Promise((resolve) => releases.push(resolve));
      const params = { agent: 'web' };
      await socket.send(['', pack({ type: 'tree_request', request_id: `r${n}`, operation: 'resume', params })]);
      // Each of them must have its own promise, so each is begun before the next one is sent.
      await expect.poll(() => web.calls.length, { timeout: 20_000, interval: 0 }).toBe(n + 1);
    }
    for (const release of releases.reverse()) release();
    const ids: unknown[] = [];
    while (ids.length < 300) ids.push((await next(socket)).request_id);
    expect(new Set(ids).size).toBe(300);
    expect(ids.indexOf('r299')).toBeLessThan(ids.indexOf('r0'));
  });

  it('of a busy peer do not delay another peer until all of them are answered', async () => {
    const rig = await rigged({ maxAgents: 1_000 });
    for (let n = 0; n < 300; n++) rig.tree.join({ id: `a${n}`, command: ['sleep', '1'] });
    const greedy = dealer(rig.tcp);
    const modest = dealer(rig.tcp);
    await modest.send(['', health('hello')]);
    await next(modest);
    const heavy = pack({ type: 'tree_request', request_id: 'heavy', operation: 'ps' });
    for (let n = 0; n < 250; n++) await greedy.send(['', heavy]);
    let answered = 0;
    const reading = (async () => {
      while (answered < 250) {
        await next(greedy);
        answered++;
      }
    })();
    await modest.send(['', health('mine')]);
    expect(await next(modest)).toMatchObject({ request_id: 'mine', healthy: true });
    expect(answered).toBeLessThan(250);
    await reading;
  });

  it('are answered while hundreds of connections are silent and others send requests and never read', async () => {
    const rig = await rigged();
    const port = portOf(rig.tcp);
    for (let n = 0; n < 100; n++) open.push(await RawPeer.connect(port), await RawPeer.open(port));
    const rude = await Promise.all(Array.from({ length: 10 }, () => RawPeer.open(port)));
    open.push(...rude);
    const list = pack({ type: 'tree_request', request_id: 'x'.repeat(1_000), operation: 'ps' });
    const socket = dealer(rig.tcp);
    const { received } = rig.router.stats;
    for (let round = 0; round < 10; round++) {
      for (const peer of rude) if (peer.waiting < 100_000) for (let n = 0; n < 50; n++) peer.send(list);
      await socket.send(['', health(`r${round}`)]);
      expect(await next(socket)).toMatchObject({ request_id: `r${round}`, healthy: true });
    }
    expect(rig.router.stats.received - received).toBeGreaterThan(1_000);
    expect(await ask(rig.ipc, health('h'))).toMatchObject({ healthy: true });
  });

  it('are carried out also for a peer that has gone before its answer, without an effect on others', async () => {
    const rig = await rigged();
    const web = rig.tree.member('web');
    let release = () => {};
    web.hold = new Promise((resolve) => {
      release = resolve;
    });
    for (let n = 0; n < 20; n++) {
      const peer = await RawPeer.open(portOf(rig.tcp));
      peer.send(pack({ type: 'tree_request', request_id: 'r', operation: 'resume', params: { agent: 'web' } }));
      await expect.poll(() => web.calls.length).toBe(n + 1);
      peer.close();
    }
    await expect
      .poll(async () => {
        release();
        await ask(rig.tcp, health('h'));
        return rig.router.stats.dropped;
      })
      .toBeGreaterThan(0);
    expect(await ask(rig.tcp, health('h'))).toMatchObject({ healthy: true });
  });

  it('that are large get large answers, one after another, and none is lost to a peer that reads slowly', async () => {
    const rig = await rigged();
    const web = rig.tree.member('web');
    const params = 'y'.repeat(100_000);
    const payload = { action: 'echo', params };
    const socket = new Dealer({ linger: 0, receiveTimeout: 60_000, receiveHighWaterMark: 1, sendHighWaterMark: 0 });
    open.push(socket);
    socket.connect(rig.ipc);
    const command = { type: 'control_command', agent_id: web.uuid, command_type: 'custom_action', payload };
    const sending = (async () => {
      for (let n = 0; n < 300; n++) await socket.send(['', pack({ ...command, request_id: `r${n}` })]);
    })();
    // It reads from the beginning: a peer that takes nothing for 5 s loses what waits, however busy the machine is.
    const answers: Answer[] = [];
    while (answers.length < 300) {
      answers.push(await next(socket));
      if (answers.length % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await sending;
    const refused = answers.filter(({ code }) => code === 'TOO_MANY_REQUESTS');
    const done = answers.filter(({ success }) => success === true);
    expect(refused.length + done.length).toBe(300);
    expect(rig.router.stats.dropped).toBe(0);
  });

  it('whose answers exceed the limit of one peer get a small error instead', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const huge = 'x'.repeat(9 * 1024 * 1024);
    let done = 0;
    const big = async () => {
      await released;
      done++;
      return huge;
    };
    const rig = await rigged({ actions: { big } });
    const socket = dealer(rig.ipc);
    const action = { type: 'custom_action_request', agent_id: rig.tree.member('web').uuid, action: 'big' };
    for (let n = 0; n < 20; n++) await socket.send(['', pack({ ...action, request_id: `r${n}` })]);
    await expect.poll(() => rig.router.stats.received).toBe(20);
    release();
    const sizes: number[] = [];
    const unsent: Answer[] = [];
    while (sizes.length < 20) {
      const [, bytes = Buffer.alloc(0)] = await socket.receive();
      sizes.push(bytes.length);
      if (bytes.length < huge.length) unsent.push(unpack(bytes) as Answer);
    }
    expect(done).toBe(20);
    expect(unsent.length).toBeGreaterThan(0);
    expect(unsent.length).toBeLessThan(20);
    expect(new Set(unsent.map(({ request_id }) => request_id)).size).toBe(unsent.length);
    for (const each of unsent) {
      expect(each).toMatchObject({
        type: 'command_response',
        success: false,
        code: 'ANSWER_UNSENT',
        details: { max: 64 * 1024 * 1024 },
      });
    }
  });

  it('with large answers from a peer that sends slowly and never reads do not fill the memory', async () => {
    const huge = 'y'.repeat(5 * 1024 * 1024);
    const rig = await rigged({ actions: { huge: async () => huge } });
    const socket = new Dealer({ linger: 0, receiveHighWaterMark: 1, sendHighWaterMark: 0 });
    open.push(socket);
    socket.connect(rig.tcp);
    const agent_id = rig.tree.member('web').uuid;
    const action = pack({ type: 'custom_action_request', request_id: 'r', agent_id, action: 'huge' });
    // Each is answered before the next one is sent, so no limit of requests is reached; these are far fewer than libzmq would take.
    for (let n = 1; rig.router.stats.dropped === 0 && n <= 200; n++) {
      await socket.send(['', action]);
      await expect.poll(() => rig.router.stats.received, { timeout: 20_000, interval: 10 }).toBeGreaterThanOrEqual(n);
      if (n > 40) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(rig.router.stats.dropped).toBeGreaterThan(0);
    expect(rig.router.stats.sent).toBeLessThan(40);
    expect(await ask(rig.tcp, health('h'))).toMatchObject({ healthy: true });
  });
});
