import { describe, expect, it } from 'vitest';
import { Subscriber, XSubscriber } from 'zeromq';
import { createSecureRig, type Name, type SecureRig } from './rig.js';

describe('what is published', () => {
  const keysOf = (published: SecureRig, name: Name | 'stranger') => {
    const { publicKey: curvePublicKey, secretKey: curveSecretKey } = published.keys[name];
    return { curveServerKey: published.serverKey, curvePublicKey, curveSecretKey };
  };
  const follow = (published: SecureRig, endpoint: string, name: Name | 'stranger') => {
    const socket = new Subscriber({ linger: 0, receiveTimeout: 3_000, ...keysOf(published, name) });
    socket.subscribe('');
    socket.connect(endpoint);
    return socket;
  };

  it('reaches only subscribers that may observe the whole tree', async () => {
    const published = await createSecureRig({ pubEndpoints: ['tcp://127.0.0.1:*'] });
    const [endpoint = ''] = published.server.pubEndpoints;
    const sockets = (['watcher', 'lead', 'typist', 'stranger'] as const).map((name) =>
      follow(published, endpoint, name),
    );
    const typing = setInterval(() => void published.server.tree.agent('root/b/two').write('tick\n'), 100);
    try {
      const [watcher, ...others] = sockets;
      expect((await watcher?.receive())?.length).toBe(1);
      const refused = others.map((socket) => expect(socket.receive()).rejects.toMatchObject({ code: 'EAGAIN' }));
      await Promise.all(refused);
      expect(published.audit.map(({ key }) => key)).toEqual(expect.arrayContaining(['lead', 'typist', 'unknown']));
    } finally {
      clearInterval(typing);
      for (const socket of sockets) socket.close();
      await published.close();
    }
  });

  it('reaches subscribers that reconnect after the limit of subscriptions was exceeded', async () => {
    const published = await createSecureRig({ pubEndpoints: ['tcp://127.0.0.1:*'] });
    const [endpoint = ''] = published.server.pubEndpoints;
    const keys = keysOf(published, 'watcher');
    const good = new Subscriber({ linger: 0, receiveTimeout: 60_000, ...keys });
    const greedy = new XSubscriber({ linger: 0, reconnectInterval: -1, sendHighWaterMark: 0, ...keys });
    let word = 'before';
    const typing = setInterval(() => void published.server.tree.agent('root/b/two').write(`${word}\n`), 20);
    try {
      good.subscribe('');
      good.connect(endpoint);
      await good.receive();
      greedy.connect(endpoint);
      for (let n = 0; n < 30_000; n++) await greedy.send(`\u0001greedy${n}`);
      const limit = expect.objectContaining({ code: 'SUBSCRIPTION_LIMIT' });
      await expect.poll(() => published.failures).toEqual([limit]);
      word = 'after';
      // The bytes of a line are a list of small integers, which are written as themselves.
      for (let frame: Buffer = Buffer.alloc(0); !frame.includes(word); ) [frame = frame] = await good.receive();
    } finally {
      clearInterval(typing);
      for (const socket of [good, greedy]) socket.close();
      await published.close();
    }
  });
});
