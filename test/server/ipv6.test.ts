import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import { connect } from '../../src/client/client.js';
import { createServer } from '../../src/server/server.js';

const here = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
);

/* Only where the machine has ::1. */
describe.runIf(here)('an IPv6 endpoint', () => {
  it('is served, published at, connected to and followed', async () => {
    const failures: unknown[] = [];
    const endpoints = ['tcp://[::1]:*'];
    const server = await createServer({
      config: { tree: { id: 'root', children: [{ id: 'a', command: ['cat'] }] }, settings: { endpoints } },
      createTree: (input) => createTree(input),
      insecure: true,
      failed: (thrown) => failures.push(thrown),
    });
    await server.tree.start();
    const [endpoint = ''] = server.endpoints;
    expect(endpoint).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    expect(server.pubEndpoints).toEqual([expect.stringMatching(/^tcp:\/\/\[::1\]:\d+$/)]);
    const client = await connect({ endpoint, timeout: 20_000 });
    const lines = client.logs('a', { follow: true });
    await client.send('a', 'hello\n');
    const texts: string[] = [];
    for await (const item of lines) {
      if (item.type !== 'line') continue;
      if (texts.push(item.text.trimEnd()) === 2) break;
      await client.send('a', 'again\n');
    }
    expect(texts).toEqual(['hello', 'again']);
    await client.close();
    await server.stop({ brutal: true });
    expect(failures).toEqual([]);
  });
});
