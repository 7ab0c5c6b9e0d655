import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Subscriber } from 'zeromq';
import { FakeTree } from './fake-tree.js';
import { documentOf, subscribe } from './follower.js';
import { PublishingStage } from './published.js';
import type { Answer } from './rig.js';

let stage: PublishingStage;

beforeEach(async () => {
  stage = await PublishingStage.open();
});

afterEach(async () => {
  await stage.close();
  expect(stage.failures).toEqual([]);
});

const documents = ({ frames }: { readonly frames: Buffer[][] }): Answer[] =>
  frames.map(([frame]) => documentOf(frame) as Answer);

describe('a publisher', () => {
  it('encodes no document without a subscriber, and each document once for several endpoints', async () => {
    const tree = new FakeTree('web');
    const publisher = stage.publishing(tree);
    let made = 0;
    const make = () => {
      made++;
      return Buffer.from('document');
    };
    const [tcp, ipc] = [
      await publisher.bind('tcp://127.0.0.1:*'),
      await publisher.bind(`ipc://${join(stage.directory, 'p.sock')}`),
    ];
    publisher.publish('topic', make);
    expect(made).toBe(0);
    const all = [stage.subscribed(tcp, 'topic'), stage.subscribed(tcp, 'to'), stage.subscribed(ipc, 'topic\0')];
    await expect.poll(() => publisher.stats.subscriptions).toBe(3);
    publisher.publish('other', make);
    publisher.publish('topic', make);
    await expect.poll(() => all.map(({ frames }) => frames.length)).toEqual([1, 1, 1]);
    expect(made).toBe(1);
    expect(all[0]?.frames).toEqual([[Buffer.from('topic\0document')]]);
  });

  it('forgets the subscriptions of a subscriber that disconnected', async () => {
    const publisher = stage.publishing(new FakeTree());
    const endpoint = await publisher.bind('tcp://127.0.0.1:*');
    const subscription = subscribe(endpoint, 'topic');
    await expect.poll(() => publisher.hasSubscriber('topic')).toBe(true);
    await subscription.close();
    await expect.poll(() => publisher.hasSubscriber('topic')).toBe(false);
  });

  it('ends the connection of a peer whose subscription is no topic', async () => {
    const publisher = stage.publishing(new FakeTree());
    const endpoint = await publisher.bind('tcp://127.0.0.1:*');
    const good = stage.subscribed(endpoint, 'topic');
    const socket = new Subscriber({ linger: 0, reconnectInterval: -1 });
    stage.hold(socket);
    const gone = new Promise((resolve) => socket.events.on('disconnect', resolve));
    socket.connect(endpoint);
    socket.subscribe('x'.repeat(100_000));
    await gone;
    await expect.poll(() => publisher.stats.subscriptions).toBe(1);
    publisher.publish('topic', () => Buffer.from('d'));
    await expect.poll(() => good.frames.length).toBe(1);
  });

  it('bounds the cost of a slow subscriber, loses nothing of a quick one, and never delays an agent', async () => {
    const tree = new FakeTree('web');
    const publisher = stage.publishing(tree);
    const endpoint = await publisher.bind(`ipc://${join(stage.directory, 'p.sock')}`);
    const web = tree.member('web');
    const slow = new Subscriber({ linger: 0, receiveHighWaterMark: 1 });
    stage.hold(slow);
    slow.connect(endpoint);
    slow.subscribe(web.uuid);
    const quick = stage.subscribed(endpoint, web.uuid);
    await expect.poll(() => publisher.hasSubscriber(web.uuid)).toBe(true);
    await expect
      .poll(() => {
        web.print('stdout', 'x');
        return quick.frames.length;
      })
      .toBeGreaterThan(0);
    const first = web.lines.length;
    const line = 'y'.repeat(2_000);
    let printed = 0;
    // The agent prints as fast as the quick one reads: the slow one has long stopped.
    for (let round = 0; round < 20; round++) {
      for (let n = 0; n < 250; n++) web.print('stdout', line);
      printed += 250;
      await expect.poll(() => quick.frames.length).toBeGreaterThanOrEqual(printed);
    }
    const numbers = documents(quick).map(({ sequence }) => sequence as number);
    expect(numbers.filter((sequence) => sequence >= first)).toEqual(
      Array.from({ length: printed }, (_, n) => first + n),
    );
    expect(publisher.stats.dropped).toBe(0);
    // What the slow one still gets has a gap: it lost the middle, so it cannot have cost more than its bound.
    let received = 0;
    slow.receiveTimeout = 500;
    for (;;) {
      const got = await slow.receive().catch(() => null);
      if (got === null) break;
      received++;
    }
    expect(received).toBeGreaterThan(0);
    expect(received).toBeLessThan(printed);
  });

  it('drops frames above its limit when more come at once than any socket takes, and counts them', async () => {
    const publisher = stage.publishing(new FakeTree());
    const endpoint = await publisher.bind(`ipc://${join(stage.directory, 'p.sock')}`);
    const subscription = stage.subscribed(endpoint, 'topic');
    await expect.poll(() => publisher.hasSubscriber('topic')).toBe(true);
    for (let n = 0; n < 25_000; n++) publisher.publish('topic', () => Buffer.from('d'));
    const { dropped } = publisher.stats;
    expect(dropped).toBeGreaterThan(0);
    await expect.poll(() => publisher.stats.sent + publisher.stats.dropped).toBe(25_000);
    expect(subscription.frames.length).toBeLessThanOrEqual(25_000 - dropped);
  });
});
