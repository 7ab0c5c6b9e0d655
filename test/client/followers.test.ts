import net, { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, type ConnectOptions, connect, type LogItem } from '../../src/client/client.js';
import { followAllEvents } from '../../src/client/events.js';
import { ServerLink } from '../../src/client/server.js';
import { type ErrorCode, SupertreeError } from '../../src/errors.js';
import { createSecureRig } from '../security/rig.js';
import { Stage } from '../transport/live.js';
import { ScriptedServer } from '../transport/scripted.js';

let stage: Stage;
let server: ScriptedServer;
const undo: (() => unknown)[] = [];

beforeEach(async () => {
  stage = await Stage.open();
  server = await ScriptedServer.start();
  server.answers.streams = () => ({ pubEndpoints: [], epoch: 'e' });
  server.answers.status = () => ({ uuid: 'u' });
  server.answers.logs = ({ stream, from = 0 }) => pageOf(stream !== 'stderr' && from === 0);
});

afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
  await server.close();
  await stage.close();
  expect(stage.failures).toEqual([]);
});

/** Of rings that hold one line. */
const pageOf = (hasLine: boolean) => ({
  lines: !hasLine ? [] : [{ seq: 0, stream: 'stdout', at: 1, partial: false, text: 'line\n' }],
  dropped: 0,
  next: { stdout: 1, stderr: 0 },
});

async function connected(options: ConnectOptions = {}): Promise<Client> {
  const client = await connect({ endpoint: server.endpoint, timeout: 5_000, ...options });
  undo.push(() => client.close());
  return client;
}

/** The followed items as short texts, then the outcome of the follower. */
function collect(source: AsyncIterable<LogItem>) {
  const items: string[] = [];
  const over = (async () => {
    for await (const item of source) items.push(item.type === 'line' ? item.text.trimEnd() : item.type);
    return 'ended';
  })().catch((thrown: unknown) => (thrown instanceof SupertreeError ? thrown.code : String(thrown)));
  return { items, over };
}

/** The operation is refused `times` times, and then done as before. Resolves with the moments of the tries. */
function refuse(operation: string, times: number, code: ErrorCode, details: Record<string, unknown>): number[] {
  const answer = server.answers[operation] ?? (() => null);
  const tries: number[] = [];
  server.answers[operation] = (params) => {
    tries.push(performance.now());
    if (tries.length <= times) throw new SupertreeError(code, details);
    return answer(params);
  };
  return tries;
}

describe('a follower asks again', () => {
  it('when the other requests of the peer are too many for the server', async () => {
    refuse('logs', 2, 'TOO_MANY_REQUESTS', { count: 1, what: 'requests', limit: 'limits.requests', max: 1 });
    const { items } = collect((await connected()).logs('web', { follow: true }));
    await expect.poll(() => items).toEqual(['line']);
  });

  it('when the server limits the rate, and not before it may', async () => {
    const details = { limit: 'limits.rate', rate: 5, burst: 1, retryAfter: 200 };
    const tries = refuse('status', 2, 'RATE_LIMITED', details);
    const { items } = collect((await connected()).logs('web', { follow: true }));
    await expect.poll(() => items).toEqual(['line']);
    const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? at));
    expect(waits).toHaveLength(2);
    // A timer of Node may fire a little early.
    for (const wait of waits) expect(wait).toBeGreaterThan(190);
  });

  it('when the requests of the client fill its queue while the server is away', async () => {
    const first = await stage.serve('a', 'web');
    const { uuid } = first.tree.member('web').view();
    const client = await connected({ endpoint: first.endpoint, queue: 5 });
    await first.stop();
    await expect.poll(() => client.statistics.servers[0]?.state).not.toBe('connected');
    const waiting = Array.from({ length: 5 }, () => client.health());
    const logs = collect(client.logs('web', { follow: true }));
    const published = client.protocol.stream(uuid).next();
    published.catch(() => {});
    await expect(client.health()).rejects.toMatchObject({ code: 'QUEUE_FULL' });
    await stage.serveTree('a', first.tree);
    await Promise.all(waiting);
    const printing = setInterval(() => first.tree.member('web').print('stdout', 'line\n'), 50);
    undo.push(() => clearInterval(printing));
    await expect.poll(() => logs.items[0]).toBe('line');
    expect((await published).value).toMatchObject({ type: 'log_stream', agent_id: uuid });
  });
});

/** Takes connections at once, whether or not there is anything at its other end. */
async function tunnelTo(port: () => number): Promise<{ endpoint: string; cut: () => void }> {
  const open = new Set<net.Socket>();
  const tunnel = net.createServer((near) => {
    const far = net.connect(port(), '127.0.0.1');
    const end = () => [near, far].map((each) => each.destroy());
    open.add(near);
    for (const each of [near, far]) each.on('error', end).on('close', end);
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => tunnel.listen(0, '127.0.0.1', resolve));
  undo.push(() => tunnel.close());
  const cut = () => {
    for (const each of open) each.destroy();
    open.clear();
  };
  return { endpoint: `tcp://127.0.0.1:${(tunnel.address() as AddressInfo).port}`, cut };
}

const portOf = (endpoint: string) => Number(endpoint.split(':').at(-1));

describe('a subscriber behind a tunnel', () => {
  it('continues when the tunnel accepts connections without a server at its end', async () => {
    let to = 1;
    const { endpoint: pubEndpoint } = await tunnelTo(() => to);
    server.answers.streams = () => ({ pubEndpoints: [server.pubEndpoint], epoch: 'e' });
    server.answers.snapshot = () => ({ epoch: 'e', seq: 3, agents: [], supervisors: [] });
    const client = await connected({ pubEndpoint });
    const items: unknown[] = [];
    const over = (async () => {
      for await (const { type, seq } of client.events()) items.push(type === 'event' ? seq : type);
    })().catch(String);
    // The state is told although nothing comes from there.
    await expect.poll(() => items).toEqual(['snapshot']);
    to = portOf(server.pubEndpoint);
    const publishing = setInterval(() => server.publish('events', { type: 'event', epoch: 'e', seq: 4, at: 1 }), 50);
    undo.push(() => clearInterval(publishing));
    await expect.poll(() => items).toEqual(['snapshot', 4]);
    await client.close();
    expect(await over).toBeUndefined();
  });
});

describe('followed logs of a key for a subtree', () => {
  it('come by asking', async () => {
    const rig = await createSecureRig();
    undo.push(() => rig.close());
    const security = { keys: rig.keys.lead, serverKey: rig.serverKey };
    const client = await connected({ endpoint: rig.tcp, timeout: 20_000, ...security });
    const boss = await connected({ endpoint: rig.ipc, timeout: 20_000 });
    const { items, over } = collect(client.logs('one', { follow: true }));
    await boss.send('one', 'first\n');
    await expect.poll(() => items).toEqual(['first']);
    await boss.send('one', 'second\n');
    await expect.poll(() => items).toEqual(['first', 'second']);
    expect(await collect(client.logs('two', { follow: true })).over).toBe('AGENT_NOT_FOUND');
    await client.close();
    expect(await over).toBe('ended');
  });

  it('wait for the agent of a server that may have restarted', async () => {
    refuse('streams', Number.POSITIVE_INFINITY, 'FORBIDDEN', { role: 'observe', subtree: 'root' });
    const { endpoint, cut } = await tunnelTo(() => portOf(server.endpoint));
    const { items } = collect((await connected({ endpoint })).logs('web', { follow: true }));
    await expect.poll(() => items).toEqual(['line']);
    server.answers.status = () => ({ uuid: 'v' });
    const gone = refuse('status', 2, 'AGENT_NOT_FOUND', { agent: 'web' });
    cut();
    await expect.poll(() => items).toEqual(['line', 'restarted', 'line']);
    expect(gone).toHaveLength(3);
  });
});

describe('a signal', () => {
  it('ends followed logs with its reason: while they wait, between items, before they begin', async () => {
    const client = await connected();
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = collect(client.logs('web', { follow: true, signal }));
    const between = client.logs('web', { follow: true, signal });
    await between.next();
    await expect.poll(() => waiting.items).toEqual(['line']);
    controller.abort(new Error('enough'));
    expect(await waiting.over).toBe('Error: enough');
    await expect(between.next()).rejects.toThrow('enough');
    expect(await between.next()).toEqual({ done: true, value: undefined });
    await expect(client.logs('web', { follow: true, signal }).next()).rejects.toThrow('enough');
    expect(server.asked('logs').every(({ params }) => !('signal' in (params ?? {})))).toBe(true);
  });

  it('ends the events of all servers with its reason', async () => {
    server.answers.snapshot = () => ({ epoch: 'e', seq: 3, agents: [], supervisors: [] });
    server.answers.streams = () => ({ pubEndpoints: [server.pubEndpoint], epoch: 'e' });
    const links = [linkTo(server.endpoint), linkTo(server.endpoint)];
    const { signal, abort } = abortable();
    const items = followAllEvents(links, { signal });
    expect((await items.next()).value?.type).toBe('snapshot');
    expect((await items.next()).value?.type).toBe('snapshot');
    const next = items.next();
    abort();
    await expect(next).rejects.toThrow('enough');
    expect(await items.next()).toEqual({ done: true, value: undefined });
  });
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) };
}

function linkTo(endpoint: string): ServerLink {
  const limits = { timeout: 5_000, attempts: 9, queue: 100, patience: 5_000, window: 100, idle: 10_000 };
  const link = new ServerLink({ endpoint, security: null, owner: null, ...limits });
  undo.push(() => link.close());
  return link;
}
