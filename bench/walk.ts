import { mkdtemp, rm } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dealer, Subscriber } from 'zeromq';
import { pack, unpack } from '../src/protocol/codec.js';

/*
 * `npm run walk`: how much code of ours somebody steps through who follows one spawn from its frame to its reply, or the end of an agent from
 * its exit to the published frames: files and functions of the build that ran, as V8 counted them, by room. And how many listeners of the tree are
 * called for each report. The peer is a bare socket in the same process, so nothing of the client is counted. `--list` names every function.
 */

const BUILD = new URL('../build', import.meta.url).pathname;
const { createTree } = (await import(`${BUILD}/index.js`)) as typeof import('../src/index.js');
const { createServer } = (await import(`${BUILD}/server/server.js`)) as typeof import('../src/server/server.js');
type Tree = ReturnType<typeof createTree>;

/** Functions of ours that ran, by file. */
type Walk = ReadonlyMap<string, readonly string[]>;

const session = new Session();
const directory = await mkdtemp(join(tmpdir(), 'supertree-walk-'));
const listeners = { reports: 0, calls: 0 };
const server = await createServer({
  config: {
    tree: { id: 'root', children: [] },
    settings: { endpoints: [`ipc://${directory}/r`], pubEndpoints: [`ipc://${directory}/p`] },
  },
  createTree: (input) => counted(createTree(input)),
  failed: (thrown) => process.stderr.write(`${String(thrown)}\n`),
});
const peer = new Dealer({ linger: 0, receiveTimeout: 20_000 });
const subscriber = new Subscriber({ receiveTimeout: 20_000 });

try {
  await main();
} finally {
  session.disconnect();
  peer.close();
  subscriber.close();
  await server.stop({ brutal: true });
  await rm(directory, { recursive: true, force: true });
}

async function main(): Promise<void> {
  await server.tree.start();
  peer.connect(server.endpoints[0] ?? '');
  subscriber.connect(server.pubEndpoints[0] ?? '');
  subscriber.subscribe('');
  await received((document) => document.type === 'position');
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  // The first of a kind also runs what is prepared once; the second is what everybody after it costs.
  await spawn('first');
  await end('first');
  const born = await walked(() => spawn('second'));
  Object.assign(listeners, { reports: 0, calls: 0 });
  const died = await walked(() => end('second'));
  print('spawn, from its frame to its reply', born);
  print('exit of an agent, until its state and its events are published', died);
  process.stdout.write(
    `listeners that are called for each report: ${(listeners.calls / listeners.reports).toFixed(1)}\n`,
  );
}

async function spawn(id: string): Promise<void> {
  const spec = { id, command: ['sleep', '1000'], restart: 'temporary' };
  await peer.send(['', pack({ type: 'tree_request', request_id: id, operation: 'spawn', params: { spec } })]);
  const answer = unpack((await peer.receive()).at(-1) ?? Buffer.alloc(0)) as { success: boolean; error?: string };
  if (!answer.success) throw new Error(answer.error);
}

/** Kills an agent from outside, and waits for the frames that say so. */
async function end(id: string): Promise<void> {
  const { pid, path } = server.tree.agent(id).view();
  const seen = new Set<unknown>();
  process.kill(pid ?? Number.NaN, 'SIGKILL');
  await received((document) => {
    if (document.type === 'status_update' && document.status === 'failed') seen.add('state');
    if (document.type === 'event' && document.path === path) seen.add(document.event?.type);
    return seen.has('state') && seen.has('exited') && seen.has('removed');
  });
}

interface Document {
  readonly type: string;
  readonly status?: string;
  readonly path?: string;
  readonly event?: { readonly type: string };
}

/** Receives what is published until `done` says so. */
async function received(done: (document: Document) => boolean): Promise<void> {
  for (;;) {
    const [frame = Buffer.alloc(0)] = await subscriber.receive();
    if (done(unpack(frame.subarray(frame.indexOf(0) + 1)) as Document)) return;
  }
}

/** What runs while `work` does, without what ran before. */
async function walked(work: () => Promise<void>): Promise<Walk> {
  // What the last work left to do is none of this one.
  await new Promise((resolve) => setTimeout(resolve, 500));
  await session.post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  const ours = result.filter(({ url }) => url.startsWith(`file://${BUILD}/`));
  const walk = ours.map(({ url, functions }) => {
    const ran = functions.filter(({ ranges }) => ranges.some(({ count }) => count > 0));
    return [
      url.slice(`file://${BUILD}/`.length),
      ran.map(({ functionName }) => functionName || '(anonymous)'),
    ] as const;
  });
  return new Map(walk.filter(([, ran]) => ran.length > 0));
}

function print(title: string, walk: Walk): void {
  const rooms = new Map<string, [files: number, functions: number]>();
  for (const [file, functions] of walk) {
    const room = file.includes('/') ? (file.split('/')[0] ?? '') : '.';
    const [files, sum] = rooms.get(room) ?? [0, 0];
    rooms.set(room, [files + 1, sum + functions.length]);
  }
  const all = [...walk.values()].reduce((sum, functions) => sum + functions.length, 0);
  process.stdout.write(`${title}: ${walk.size} files, ${all} functions\n`);
  const parts = [...rooms]
    .sort()
    .map(([room, [files, functions]]) => `  ${room}: ${files} files, ${functions} functions\n`);
  process.stdout.write(parts.join(''));
  if (!process.argv.includes('--list')) return;
  for (const [file, functions] of [...walk].sort()) process.stdout.write(`    ${file}: ${functions.join(', ')}\n`);
}

/** The tree, counting how often its listeners are called beside one of our own. */
function counted(tree: Tree): Tree {
  tree.subscribe(() => listeners.reports++);
  const subscribe = (listener: Parameters<Tree['subscribe']>[0] & ((report: never) => void)) =>
    tree.subscribe((report) => {
      listeners.calls++;
      listener(report as never);
    });
  return new Proxy(tree, {
    get: (target, name) => {
      const value: unknown = name === 'subscribe' ? subscribe : Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
