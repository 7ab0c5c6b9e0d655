// A server in a process of its own, for the soak runs: sends its endpoints, then what it is asked for: its memory in MiB, or for how long its event loop
// was blocked at most since it was last asked, in ms. Its argument is a list of agents in JSON; if it is not given, there are ten that run cat.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createTree } from '../../dist/index.js';
import { createServer } from '../../dist/server/index.js';

const MIB = 1024 * 1024;
const limits = { rate: 1e9, burst: 1e9, inFlight: 10_000 };
const endpoints = ['tcp://127.0.0.1:*'];
const cats = () => Array.from({ length: 10 }, (_, n) => ({ id: `cat${n}`, command: ['cat'] }));
const children = process.argv[2] === undefined ? cats() : JSON.parse(process.argv[2]);
const delays = monitorEventLoopDelay({ resolution: 1 });

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
  if (asked === 'blocked') {
    process.send(delays.max / 1e6);
    delays.reset();
    return;
  }
  await server.stop({ brutal: true });
  process.exit(0);
});
delays.enable();
process.send([...server.endpoints, ...server.pubEndpoints]);
