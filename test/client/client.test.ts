import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import { type Client, connect } from '../../src/client/client.js';
import { StatusBroadcast } from '../../src/control/streams/broadcast.js';
import { ReportFanOut } from '../../src/control/streams/report-fan-out.js';
import { SupertreeError } from '../../src/errors.js';
import { decode } from '../../src/protocol/decode.js';
import type { Progress } from '../../src/protocol/operations.js';
import { createPublisher } from '../../src/transport/publisher.js';
import { codeOf } from '../code-of.js';
import { FakeTree } from '../transport/fake-tree.js';
import { createRig, type Rig } from '../transport/rig.js';

let rig: Rig;
let client: Client;

beforeEach(async () => {
  rig = await createRig();
  client = await connect({ endpoint: rig.ipc, timeout: 10_000 });
});

afterEach(async () => {
  await client.close();
  await rig.close();
});

describe('the client', () => {
  it('answers by name, on ipc and on tcp, with numbers as numbers', async () => {
    const other = await connect({ endpoint: rig.tcp, timeout: 10_000 });
    for (const each of [client, other]) {
      expect(await each.health()).toMatchObject({ healthy: true, serverId: 'server-test', agents: 2 });
      expect(await each.agents({ usage: true })).toMatchObject([
        { path: 'root/web', since: 1_700_000_000_123, usage: { cpu: 1.5, memory: 5_000_000_000, measure: 'pss' } },
        {},
      ]);
      expect(await each.tree()).toMatchObject({ id: 'root', children: [{ kind: 'agent', id: 'web' }, {}] });
    }
    await other.close();
  });

  it('has a method for each command for an agent', async () => {
    const web = rig.tree.member('web');
    expect(await client.spawn({ id: 'new', command: ['cat'] })).toMatchObject({ path: 'root/new' });
    expect(await client.pause('web', { mode: 'cooperative' })).toMatchObject({
      state: 'paused',
      pauseMode: 'cooperative',
    });
    expect(await client.resume('web')).toMatchObject({ state: 'running' });
    for (const verb of ['start', 'restart', 'stop', 'kill'] as const) await client[verb]('web');
    await client.signal('web', 'HUP');
    expect(await client.send('web', new Uint8Array([0, 255]), { end: true })).toBe(2);
    expect(web.written).toEqual([Buffer.from([0, 255])]);
    expect(web.calls).toEqual([
      'pause cooperative',
      'resume',
      'start',
      'restart',
      'stop',
      'kill',
      'signal HUP',
      'write',
    ]);
    web.print('stderr', Buffer.from([0xfe]));
    expect(await client.logs('web', { last: 5 })).toMatchObject({
      lines: [{ text: '\uFFFD', bytes: Buffer.from([0xfe]), at: 1_700_000_000_000 }],
      next: { stderr: 1 },
    });
  });

  it('keeps 200 requests in flight and gives each its own answer', async () => {
    const ids = Array.from({ length: 200 }, (_, index) => (index % 2 === 0 ? 'web' : 'worker'));
    const rows = await Promise.all(ids.map((id) => client.status(id)));
    expect(rows.map((row) => row.id)).toEqual(ids);
  });

  it('rejects with the error that the server met: code, sentence, remedy and details', async () => {
    const thrown: unknown = await client.status('nobody').catch((error: unknown) => error);
    expect(thrown).toEqual(new SupertreeError('AGENT_NOT_FOUND', { agent: 'nobody' }));
    const invalid: unknown = await client.spawn({ id: '1', command: [] }).catch((error: unknown) => error);
    expect(invalid).toMatchObject({ code: 'SPEC_INVALID', details: { list: [{ path: 'id' }, { path: 'command' }] } });
  });

  it('gives up at its deadline and drops the answer that comes later', async () => {
    const web = rig.tree.member('web');
    let release = () => {};
    web.hold = new Promise((resolve) => {
      release = resolve;
    });
    expect(await codeOf(client.stop('web', { timeout: 50 }))).toBe('TIMEOUT');
    release();
    await expect.poll(() => web.state).toBe('stopped');
    expect(await client.status('worker')).toMatchObject({ id: 'worker' });
  });

  it('ends a wait with the reason of its signal, also when that came before the call', async () => {
    rig.tree.member('web').hold = new Promise(() => {});
    const abort = new AbortController();
    const pending = client.stop('web', { signal: abort.signal });
    await expect.poll(() => rig.tree.member('web').calls).toEqual(['stop']);
    abort.abort(new Error('enough'));
    await expect(pending).rejects.toThrow('enough');
    await expect(client.stop('worker', { signal: abort.signal })).rejects.toThrow('enough');
    expect(rig.tree.member('worker').calls).toEqual([]);
  });

  it('passes progress on, and rejects when the listener throws', async () => {
    const progress: Progress[] = [];
    await client.restart('web', { onProgress: (item) => progress.push(item) });
    expect(progress.map(({ detail }) => detail)).toEqual(['stopping.asking', 'running']);
    const pending = client.restart('web', {
      onProgress: () => {
        throw new Error('mine');
      },
    });
    await expect(pending).rejects.toThrow('mine');
    expect(await client.health()).toMatchObject({ healthy: true });
  });

  it('rejects requests in flight when the server goes away, and later ones', async () => {
    const hasty = await connect({ endpoint: rig.ipc, timeout: 10_000, patience: 200 });
    rig.tree.member('web').hold = new Promise(() => {});
    const pending = codeOf(hasty.stop('web'));
    await expect.poll(() => rig.tree.member('web').calls).toEqual(['stop']);
    await rig.router.close();
    expect(await pending).toBe('NO_SERVER');
    expect(await codeOf(hasty.health())).toBe('NO_SERVER');
    await hasty.close();
  });

  it('rejects everything once it is closed, and can be closed twice', async () => {
    rig.tree.member('web').hold = new Promise(() => {});
    const pending = codeOf(client.stop('web'));
    await client.close();
    expect(await pending).toBe('CLIENT_CLOSED');
    expect(await codeOf(client.health())).toBe('CLIENT_CLOSED');
    await client.close();
  });
});

describe('connect', () => {
  it('rejects at once without a listener: no socket file, no process on the port', async () => {
    const nobody = [`${rig.ipc}.not`, 'tcp://127.0.0.1:1'];
    for (const endpoint of nobody) {
      const thrown: unknown = await connect({ endpoint, timeout: 600_000 }).catch((error: unknown) => error);
      expect(thrown).toEqual(new SupertreeError('NO_SERVER', { endpoint }));
    }
  });

  it('gives up on something that listens and never answers', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    expect(await codeOf(connect({ endpoint: `tcp://127.0.0.1:${port}`, timeout: 200 }))).toBe('NO_SERVER');
    silent.close();
  });

  it('refuses invalid endpoints', async () => {
    expect(await codeOf(connect({ endpoint: 'http://127.0.0.1' }))).toBe('ENDPOINT_INVALID');
  });
});

describe('the publisher', () => {
  it('sends lines and states of an agent to whom subscribed to it: one frame, topic, zero byte, message', async () => {
    const tree = new FakeTree('web', 'worker');
    const failures: unknown[] = [];
    const publisher = createPublisher((thrown) => failures.push(thrown));
    const endpoint = await publisher.bind('tcp://127.0.0.1:*');
    const statuses = new StatusBroadcast(publisher);
    new ReportFanOut(tree, (thrown) => failures.push(thrown)).add(statuses);
    const web = tree.member('web');
    const socket = new Subscriber({ linger: 0, receiveTimeout: 60_000 });
    socket.connect(endpoint);
    socket.subscribe(web.uuid);
    const received: Buffer[][] = [];
    const receiving = (async () => {
      for await (const frames of socket) received.push(frames);
    })();
    await expect
      .poll(() => {
        tree.member('worker').print('stdout', 'unwanted\n');
        web.print('stdout', Buffer.from([0x48, 0xff, 0x0a]));
        return received.length;
      })
      .toBeGreaterThan(0);
    web.move('paused');
    web.print('stderr', Buffer.from([0x48, 0xff, 0x0a]));
    const messages = () => received.map(([frame]) => decode(frame?.subarray(37) ?? Buffer.alloc(0)));
    const line = {
      type: 'log_stream',
      agent_id: web.uuid,
      stream_type: 'stderr',
      data: Uint8Array.from([0x48, 0xff, 0x0a]),
    };
    await expect.poll(messages).toContainEqual({
      ok: true,
      message: { ...line, timestamp: [1_700_000_000, 0], sequence: 0 },
    });
    expect(messages()).toContainEqual({
      ok: true,
      message: expect.objectContaining({
        type: 'status_update',
        agent_id: web.uuid,
        status: 'paused',
        message: 'paused',
      }),
    });
    for (const frames of received) {
      expect(frames).toHaveLength(1);
      expect(frames[0]?.subarray(0, 37).toString()).toBe(`${web.uuid}\0`);
    }
    socket.close();
    await receiving;
    await publisher.close();
    expect(failures).toEqual([]);
  });
});
