// A server in a process of its own, for the soak run: tells its endpoint, then its memory whenever it is asked, in MiB.
import { createTree } from '../../dist/index.js';
import { createServer } from '../../dist/server/index.js';

const MIB = 1024 * 1024;
const limits = { rate: 1e9, burst: 1e9, inFlight: 10_000 };
const endpoints = ['tcp://127.0.0.1:*'];
const children = Array.from({ length: 10 }, (_, n) => ({ id: `cat${n}`, command: ['cat'] }));

const server = await createServer({
  config: { tree: { id: 'root', children }, settings: { endpoints, pubEndpoints: endpoints, limits } },
  createTree,
  insecure: true,
  failed: (thrown) => console.error(thrown),
});
await server.tree.start();

process.on('message', async (asked) => {
  if (asked === 'memory') {
    globalThis.gc?.();
    const { rss, heapUsed, external } = process.memoryUsage();
    process.send([rss, heapUsed, external].map((bytes) => Math.round((bytes / MIB) * 10) / 10));
    return;
  }
  await server.stop({ brutal: true });
  process.exit(0);
});
process.send(server.endpoints[0]);
