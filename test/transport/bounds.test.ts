import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { XSubscriber } from 'zeromq';
import { answer } from '../../src/control/answer.js';
import { pack } from '../../src/protocol/codec.js';
import { decode } from '../../src/protocol/decode.js';
import { MAX_MESSAGE_SIZE } from '../../src/protocol/protocol.js';
import { MAX_VALUES } from '../../src/protocol/scan.js';
import { createPublisher } from '../../src/transport/publisher.js';
import { MAX_SUBSCRIPTIONS } from '../../src/transport/xpub-socket.js';
import { subscribe } from './follower.js';
import { createRig, operate, type Rig, request } from './rig.js';

const HUGE = 'x'.repeat(6_000_000);
const SMALL = 20_000;

let rig: Rig;

beforeEach(async () => {
  const shared = () => {
    let value: unknown = 'leaf';
    for (let n = 0; n < 40; n++) value = { a: value, b: value };
    return value;
  };
  const twice = () => {
    const part = { n: 1 };
    return [part, part, { part }];
  };
  rig = await createRig({ actions: { shared, twice } });
});

afterEach(() => rig.close());

describe('a request that is refused', () => {
  it.each([
    ['status', { agent: HUGE }],
    ['terminate_child', { id: HUGE }],
    ['spawn', { parent: HUGE, spec: { id: 'a', command: ['true'] } }],
    ['x'.repeat(9_000_000), {}],
    ['spawn', { spec: { id: 'a', command: ['true'], [HUGE]: 1 } }],
    ['spawn', { spec: Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`unknown${n}`, n])) }],
  ])('is answered, shortly, however much it would repeat', async (operation, params) => {
    const message = { type: 'tree_request', request_id: 'r', operation, params };
    const bytes = await answer(rig.control, pack(message), () => {});
    expect(bytes.length).toBeLessThan(SMALL);
    expect(decode(bytes)).toMatchObject({ ok: true, message: { request_id: 'r', success: false } });
  });

  it('is not decoded when it has so many values that decoding would block all other requests', async () => {
    const read = async (count: number) => {
      const params = { list: Array.from({ length: count }, () => ({})) };
      const agent_id = rig.tree.member('web').uuid;
      return request(rig, { type: 'custom_action_request', request_id: 'r', agent_id, action: 'echo', params });
    };
    expect(await read(MAX_VALUES)).toMatchObject({
      type: 'command_response',
      request_id: 'r',
      code: 'MESSAGE_INVALID',
      error: expect.stringContaining(`more than ${MAX_VALUES} values`),
    });
    expect(await read(MAX_VALUES - 20)).toMatchObject({ success: true });
  });

  it('is refused at a fraction of the cost of decoding it, when its operation never needs so many values', async () => {
    const params = Object.fromEntries(Array.from({ length: 65_000 }, (_, n) => [`unknown${n}`, n]));
    const bytes = pack({ type: 'tree_request', request_id: 'r', operation: 'health', params });
    const fastest = async (work: () => unknown) => {
      const times: number[] = [];
      for (let n = 0; n < 5; n++) {
        const began = performance.now();
        await work();
        times.push(performance.now() - began);
      }
      return Math.min(...times);
    };
    const decoding = await fastest(() => decode(bytes));
    expect(await fastest(() => answer(rig.control, bytes, () => {}))).toBeLessThan(decoding / 4);
  });

  it('names the first problems and counts the others', async () => {
    const spec = {
      id: 'a',
      command: ['true'],
      ...Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`u${n}`, n])),
    };
    const reply = await operate(rig, 'spawn', { spec });
    expect(reply).toMatchObject({ code: 'SPEC_INVALID', error: expect.stringContaining('and 10 more') });
    expect(reply.details).toMatchObject({ listOmitted: 10 });
    expect((reply.details as { list: unknown[] }).list).toHaveLength(20);
  });

  it('is answered even when nothing but its own request id is too long', async () => {
    const id = 'i'.repeat(MAX_MESSAGE_SIZE - 60);
    const bytes = await answer(rig.control, pack({ type: 'tree_request', request_id: id, operation: 'ps' }), () => {});
    expect(bytes.length).toBeLessThan(SMALL);
    expect(decode(bytes)).toMatchObject({
      ok: true,
      message: { type: 'tree_response', success: false, request_id: 'i'.repeat(256), code: 'MESSAGE_TOO_LARGE' },
    });
  });

  it('says how many entries an object or a list may have', async () => {
    const env = Object.fromEntries(Array.from({ length: 10_001 }, (_, n) => [`K${n}`, 'secret']));
    const reply = await operate(rig, 'spawn', { spec: { id: 'a', command: ['true'], env } });
    expect(reply.error).toBe('The tree is not valid: env must have at most 10000 entries, got 10001');
    const command = Array.from({ length: 10_001 }, () => 'x');
    const other = await operate(rig, 'spawn', { spec: { id: 'a', command } });
    expect(other.error).toBe('The tree is not valid: command must have at most 10000 entries, got 10001');
  });
});

describe('the result of an action', () => {
  it('may refer to one part twice, and is refused at once when it would exceed one message', async () => {
    const agent_id = rig.tree.member('web').uuid;
    const act = (action: string) => request(rig, { type: 'custom_action_request', request_id: 'r', agent_id, action });
    expect(await act('twice')).toMatchObject({ data: { result: [{ n: 1 }, { n: 1 }, { part: { n: 1 } }] } });
    expect(await act('shared')).toMatchObject({ success: false, code: 'MESSAGE_TOO_LARGE' });
  });
});

describe('the agent limit', () => {
  it('counts every agent of every node that is being added, also two of one id', async () => {
    let go = () => {};
    rig.tree.adding = new Promise((resolve) => {
      go = resolve;
    });
    const node = { id: 'same', children: Array.from({ length: 5 }, (_, n) => ({ id: `a${n}`, command: ['true'] })) };
    const first = operate(rig, 'add_child', { spec: node });
    const second = operate(rig, 'add_child', { spec: node });
    await expect(second).resolves.toMatchObject({ code: 'AGENT_LIMIT' });
    go();
    await first;
  });
});

describe('a publisher with more subscriptions than it holds', () => {
  it.each([
    ['more than it holds', MAX_SUBSCRIPTIONS + 10, ''],
    ['longer than it holds', 8_000, 'x'.repeat(200)],
  ])(
    'lets go of all of them, says so, and serves again those who come back: %s',
    async (_title, count, padding) => {
      const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
      const path = join(directory, 'p.sock');
      const failures: unknown[] = [];
      const publisher = createPublisher((thrown) => failures.push(thrown));
      await publisher.bind(`ipc://${path}`);
      await chmod(path, 0o600);
      const good = subscribe(`ipc://${path}`, 'topic');
      const greedy = new XSubscriber({ linger: 0, reconnectInterval: -1, sendHighWaterMark: 0 });
      try {
        await expect.poll(() => publisher.hasSubscriber('topic')).toBe(true);
        greedy.connect(`ipc://${path}`);
        for (let n = 0; n < count; n++) await greedy.send(`\u0001greedy${n}${padding}`);
        await expect.poll(() => failures.length).toBe(1);
        expect(failures[0]).toMatchObject({ code: 'SUBSCRIPTION_LIMIT' });
        await expect.poll(() => publisher.stats.subscriptions).toBe(1);
        expect(publisher.hasSubscriber('topic')).toBe(true);
        publisher.publish('topic', () => Buffer.from('d'));
        await expect.poll(() => good.frames.length).toBe(1);
        expect((await stat(path)).mode & 0o777).toBe(0o600);
      } finally {
        greedy.close();
        await good.close();
        await publisher.close();
        await rm(directory, { recursive: true, force: true });
      }
    },
    90_000,
  );
});
