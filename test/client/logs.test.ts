import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Client, FollowQuery, LogItem } from '../../src/client/client.js';
import { Subscriptions } from '../../src/control/streams/topics.js';
import { SupertreeError } from '../../src/errors.js';
import type { StreamName } from '../../src/model/spec.js';
import { encode } from '../../src/protocol/decode.js';
import { Stage } from '../transport/live.js';
import { ScriptedServer } from '../transport/scripted.js';

const WEB = '00112233-4455-6677-8899-aabbccddeeff';

let stage: Stage;

beforeEach(async () => {
  stage = await Stage.open();
});

afterEach(async () => {
  await stage.close();
  expect(stage.failures).toEqual([]);
});

/** Everything that is told, as it comes, in short: `0 text` for a line of standard output, `!0 text` for one of standard error. */
function collect(client: Client, query: Omit<FollowQuery, 'follow'> = {}) {
  const items: string[] = [];
  const over = (async () => {
    for await (const item of client.logs('web', { ...query, follow: true })) items.push(short(item));
    return 'ended';
  })().catch((thrown: unknown) => (thrown instanceof SupertreeError ? thrown.code : String(thrown)));
  return { items, over };
}

function short(item: LogItem): string {
  if (item.type === 'dropped') return `dropped ${item.lines}`;
  if (item.type === 'restarted') return 'restarted';
  return `${item.stream === 'stderr' ? '!' : ''}${item.seq} ${item.text.trimEnd()}`;
}

/** A server with one agent, whose rings and whose publishing are apart. */
class Writer {
  readonly rings: Record<StreamName, string[]> = { stdout: [], stderr: [] };
  /** How many lines have left the ring of standard output. */
  gone = 0;
  uuid = WEB;
  epoch = 'e';

  constructor(readonly server: ScriptedServer) {
    server.answers.streams = () => ({ pubEndpoints: [server.pubEndpoint], epoch: this.epoch });
    server.answers.status = () => ({ uuid: this.uuid });
    server.answers.logs = (params) => this.#page(params);
  }

  write(stream: StreamName, text: string): number {
    return this.rings[stream].push(text) - 1;
  }

  publish(stream: StreamName, seq: number): void {
    const message = {
      type: 'log_stream',
      agent_id: this.uuid,
      stream_type: stream,
      data: Buffer.from(`${this.rings[stream][seq]}\n`),
      timestamp: [1_700_000_000, 0],
      sequence: seq,
    } as const;
    this.server.publish(this.uuid, encode<'log_stream'>(message));
  }

  #page({ stream, from = 0, limit }: Record<string, unknown>): unknown {
    const names = stream === undefined ? (['stdout', 'stderr'] as const) : [stream as StreamName];
    const lines = names.flatMap((name) => {
      const all = this.rings[name].map((text, seq) => ({
        seq,
        stream: name,
        at: seq,
        partial: false,
        text: `${text}\n`,
      }));
      return all.slice(Math.max(Number(from), name === 'stdout' ? this.gone : 0));
    });
    const page = lines.slice(0, Number(limit));
    const left = lines[page.length];
    const next = { stdout: this.rings.stdout.length, stderr: this.rings.stderr.length };
    if (left !== undefined) next[left.stream] = left.seq;
    const dropped = from === 0 || names.length > 1 ? 0 : Math.max(0, this.gone - Number(from));
    return { lines: page, dropped: names.includes('stdout') ? dropped : 0, next };
  }
}

describe('followed logs', () => {
  it('are the lines in the rings and then every new line, both streams, each once', async () => {
    const live = await stage.serve('a', 'web');
    const web = live.tree.member('web');
    for (let n = 0; n < 3; n++) web.print('stdout', `old ${n}\n`);
    const { items } = collect(await stage.connect(live.endpoint), { last: 2 });
    await expect.poll(() => items).toEqual(['1 old 1', '2 old 2']);
    for (let n = 0; n < 500; n++) web.print(n % 2 === 0 ? 'stdout' : 'stderr', `new ${n}\n`);
    await expect.poll(() => items.length).toBe(502);
    expect(items.filter((line) => !line.startsWith('!'))).toEqual([
      '1 old 1',
      '2 old 2',
      ...Array.from({ length: 250 }, (_, n) => `${n + 3} new ${2 * n}`),
    ]);
    expect(items.filter((line) => line.startsWith('!'))).toEqual(
      Array.from({ length: 250 }, (_, n) => `!${n} new ${2 * n + 1}`),
    );
  });

  it('can be of one stream only, from a number on, with bytes where the text is not exact', async () => {
    const live = await stage.serve('a', 'web');
    const web = live.tree.member('web');
    web.print('stderr', 'zero\n');
    web.print('stderr', Buffer.from([0xff, 0x0a]));
    const items: LogItem[] = [];
    const client = await stage.connect(live.endpoint);
    void (async () => {
      for await (const item of client.logs('web', { follow: true, stream: 'stderr', from: 1 })) items.push(item);
    })();
    await expect.poll(() => items.length).toBe(1);
    web.print('stdout', 'unwanted\n');
    web.print('stderr', Buffer.from([0xfe, 0x0a]));
    await expect.poll(() => items.length).toBe(2);
    const line = { type: 'line', stream: 'stderr', text: '\uFFFD\n' };
    expect(items).toEqual([
      { ...line, seq: 1, at: 1_700_000_000_001, bytes: Buffer.from([0xff, 0x0a]) },
      { ...line, seq: 2, at: 1_700_000_000_002, bytes: Buffer.from([0xfe, 0x0a]) },
    ]);
  });

  it('that did not come are read from the rings, in order, those at the end too', async () => {
    const writer = new Writer(await ScriptedServer.start());
    const client = await stage.connect(writer.server.endpoint);
    const { items } = collect(client);
    for (const text of ['a', 'b', 'c', 'd']) writer.write('stdout', text);
    writer.publish('stdout', 2);
    await expect.poll(() => items).toEqual(['0 a', '1 b', '2 c', '3 d']);
    writer.publish('stdout', 1);
    writer.write('stderr', 'silent');
    await expect.poll(() => items).toEqual(['0 a', '1 b', '2 c', '3 d', '!0 silent']);
    await client.close();
    await writer.server.close();
  });

  it('that have left the rings are counted as dropped', async () => {
    const writer = new Writer(await ScriptedServer.start());
    const client = await stage.connect(writer.server.endpoint);
    writer.write('stdout', 'a');
    const { items } = collect(client);
    await expect.poll(() => items).toEqual(['0 a']);
    writer.gone = 3;
    for (const text of ['b', 'c', 'd']) writer.write('stdout', text);
    await expect.poll(() => items).toEqual(['0 a', 'dropped 2', '3 d']);
    await client.close();
    await writer.server.close();
  });

  it('of an output that starts again begin with a note and at its beginning', async () => {
    const writer = new Writer(await ScriptedServer.start());
    const client = await stage.connect(writer.server.endpoint);
    for (const text of ['a', 'b']) writer.write('stdout', text);
    const { items } = collect(client);
    await expect.poll(() => items).toEqual(['0 a', '1 b']);
    writer.rings.stdout = ['new'];
    await expect.poll(() => items).toEqual(['0 a', '1 b', 'restarted', '0 new']);
    await client.close();
    await writer.server.close();
  });

  it('come in pages that fit into a message', async () => {
    const writer = new Writer(await ScriptedServer.start());
    const client = await stage.connect(writer.server.endpoint);
    for (let n = 0; n < 1_200; n++) writer.write('stdout', `${n}`);
    const { items } = collect(client);
    await expect.poll(() => items.length).toBe(1_200);
    expect(items.at(-1)).toBe('1199 1199');
    expect(writer.server.asked('logs').every(({ params }) => Number(params.limit) <= 500)).toBe(true);
    await client.close();
    await writer.server.close();
  });

  it('end when the agent is removed, after its last line; for an unknown one they never begin', async () => {
    const live = await stage.serve('a', 'web', 'other');
    const client = await stage.connect(live.endpoint);
    const web = live.tree.member('web');
    const subscribed = vi.spyOn(Subscriptions.prototype, 'add');
    onTestFinished(() => subscribed.mockRestore());
    const { items, over } = collect(client);
    web.print('stdout', 'first\n');
    await expect.poll(() => items).toEqual(['0 first']);
    // The first line may come from the rings, but the last one goes with them: it comes by the subscription alone.
    await expect.poll(() => subscribed.mock.calls.some(([topic]) => topic.startsWith(web.uuid))).toBe(true);
    web.print('stdout', 'last\n');
    await client.request('delete_child', { id: 'web' });
    expect(await over).toBe('ended');
    expect(items).toEqual(['0 first', '1 last']);
    expect(await collect(client).over).toBe('AGENT_NOT_FOUND');
  });

  it('end with a temporary agent that ends, after its last line, and at once for one that is over', async () => {
    const live = await stage.serve('a');
    const web = live.tree.join({ id: 'web', command: ['x'], restart: 'temporary' });
    const client = await stage.connect(live.endpoint);
    const { items, over } = collect(client);
    web.print('stdout', 'first\n');
    await expect.poll(() => items).toEqual(['0 first']);
    web.print('stdout', 'last\n');
    web.end(0);
    live.tree.leave('web');
    expect(await over).toBe('ended');
    expect(items).toEqual(['0 first', '1 last']);
    const again = collect(client);
    expect(await again.over).toBe('ended');
    expect(again.items).toEqual(['0 first', '1 last']);
  });

  it('continue with the same agent of a restarted server', async () => {
    const first = await stage.serve('a', 'web');
    const client = await stage.connect(first.endpoint);
    const { items } = collect(client);
    first.tree.member('web').print('stdout', 'before\n');
    await expect.poll(() => items).toEqual(['0 before']);
    await first.stop();
    const second = await stage.serve('a', 'web');
    second.tree.member('web').print('stdout', 'after\n');
    await expect.poll(() => items).toEqual(['0 before', 'restarted', '0 after']);
  });

  it('end when they are abandoned, and when the client is closed', async () => {
    const live = await stage.serve('a', 'web');
    const client = await stage.connect(live.endpoint);
    live.tree.member('web').print('stdout', 'line\n');
    for await (const item of client.logs('web', { follow: true })) {
      expect(short(item)).toBe('0 line');
      break;
    }
    const { over } = collect(client);
    await client.close();
    expect(await over).toBe('ended');
  });

  it('come by asking where nothing is published', async () => {
    const writer = new Writer(await ScriptedServer.start());
    writer.server.answers.streams = () => ({ pubEndpoints: [], epoch: 'e' });
    const client = await stage.connect(writer.server.endpoint);
    const { items } = collect(client);
    for (const text of ['a', 'b']) writer.write('stdout', text);
    await expect.poll(() => items).toEqual(['0 a', '1 b']);
    writer.write('stdout', 'c');
    await expect.poll(() => items).toEqual(['0 a', '1 b', '2 c']);
    await client.close();
    await writer.server.close();
  });
});
