/*
 * Peers that request all output and read nothing, beside a client that reads: `tsx test/soak/deaf.ts [AGENTS=1000] [LINES=2000] [SECONDS=20]`.
 * Prints for how long the event loop of the server was blocked at most, its memory, and the times of the client's answers. Ends with 1 when the loop was
 * blocked for more than 50 ms, when an answer of the client is missing, or when memory grew in the second half.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Subscriber } from 'zeromq';
import { type Client, connect } from '../../src/client/client.js';
import { pack } from '../../src/protocol/codec.js';
import { RawPeer } from '../transport/raw-peer.js';

const [agents = 1_000, lines = 2_000, seconds = 20] = process.argv.slice(2).map(Number);

/** The options of V8 that the executable gives to its server. */
const EXECUTABLE_OPTIONS = [
  '--max-semi-space-size=2',
  '--initial-old-space-size=12',
  '--heap-growing-percent=30',
  '--no-allocation-site-pretenuring',
];

/** For how long the loop may be blocked, in ms. */
const MAX_BLOCKED = 50;

/** The number of peers that send requests and do not read, and of subscribers to everything that do not read. */
const NON_READERS = { asking: 20, subscribed: 20 };

/** How much more memory the server may have at the end than half way: what an allocator keeps for itself. */
const MAX_GROWTH = 0.1;

/** A server whose agents have printed their lines. */
class LoadedServer {
  readonly #process: ChildProcess;
  readonly endpoint: string;
  readonly pubEndpoint: string;

  private constructor(child: ChildProcess, [endpoint = '', pubEndpoint = '']: readonly string[]) {
    this.#process = child;
    this.endpoint = endpoint;
    this.pubEndpoint = pubEndpoint;
  }

  static async start(): Promise<LoadedServer> {
    const script = `seq -f 'line %g of the output of an agent' ${lines}; exec sleep 100000`;
    const pool = { size: agents, agent: { command: ['sh', '-c', script] } };
    const child = fork(new URL('./server.mjs', import.meta.url), [JSON.stringify([{ id: 'agents', pool }])], {
      execArgv: ['--expose-gc', ...EXECUTABLE_OPTIONS],
    });
    const [endpoints] = (await once(child, 'message')) as [string[]];
    return new LoadedServer(child, endpoints);
  }

  /** The longest block of the event loop since the last call, in ms. */
  async blocked(): Promise<number> {
    return (await this.#ask('blocked')) as number;
  }

  /** Its resident memory, in MiB. */
  async memory(): Promise<number> {
    const [rss] = (await this.#ask('memory')) as [number];
    return rss;
  }

  async stop(): Promise<void> {
    this.#process.send('stop');
    await once(this.#process, 'exit');
  }

  async #ask(what: string): Promise<unknown> {
    this.#process.send(what);
    const [answer] = await once(this.#process, 'message');
    return answer;
  }
}

/** A request with one of the largest answers: all lines of one agent, all rows, or the whole tree. */
function largeRequest(n: number): Buffer {
  const tree = { type: 'tree_request', request_id: `r${n}` };
  if (n % 10 === 0) return pack({ ...tree, operation: 'ps' });
  if (n % 10 === 1) return pack({ ...tree, operation: 'snapshot' });
  return pack({ ...tree, operation: 'logs', params: { agent: `root/agents/${(n % agents) + 1}` } });
}

async function openPeers(port: number): Promise<RawPeer[]> {
  return Promise.all(Array.from({ length: NON_READERS.asking }, () => RawPeer.open(port)));
}

function openSubscribers(endpoint: string): Subscriber[] {
  return Array.from({ length: NON_READERS.subscribed }, () => {
    const socket = new Subscriber({ linger: 0, receiveHighWaterMark: 1 });
    socket.connect(endpoint);
    socket.subscribe('');
    return socket;
  });
}

/** Sends one request after another for `time` ms; resolves with the response times in ms, ascending. Rejects when an answer is missing. */
async function responseTimes(client: Client, time: number): Promise<number[]> {
  const times: number[] = [];
  for (const end = performance.now() + time; performance.now() < end; ) {
    const agent = `root/agents/${(times.length % agents) + 1}`;
    const begin = performance.now();
    if (times.length % 20 === 0) await client.agents();
    else if (times.length % 5 === 0) await client.logs(agent);
    else await client.status(agent);
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b);
}

async function main(): Promise<number> {
  const server = await LoadedServer.start();
  const port = Number(new URL(server.endpoint).port);
  const client = await connect({ endpoint: server.endpoint, timeout: 60_000 });
  while ((await client.logs(`root/agents/${agents}`)).lines.length < lines);
  const idle = await server.memory();
  const peers = await openPeers(port);
  const subscribers = openSubscribers(server.pubEndpoint);
  let sent = 0;
  const asking = setInterval(() => {
    for (const peer of peers) if (peer.waiting < 65_536) for (let n = 0; n < 10; n++) peer.send(largeRequest(sent++));
  }, 10);
  await server.blocked();
  const halves: { blocked: number; memory: number; times: number[] }[] = [];
  for (const _ of [1, 2]) {
    const times = await responseTimes(client, (seconds * 1_000) / 2);
    halves.push({ blocked: await server.blocked(), memory: await server.memory(), times });
    await server.blocked();
  }
  clearInterval(asking);
  for (const each of [...peers, ...subscribers]) each.close();
  await client.close();
  await server.stop();
  const [first, second] = halves;
  const blocked = Math.max(...halves.map((half) => half.blocked));
  const times = halves.flatMap((half) => half.times).sort((a, b) => a - b);
  const at = (part: number) => Math.round(times[Math.floor((times.length - 1) * part)] ?? 0);
  console.log(`${agents} agents of ${lines} lines, ${sent} requests of ${NON_READERS.asking} deaf peers`);
  console.log(`loop blocked at most ${blocked.toFixed(1)} ms`);
  console.log(`memory, MiB: idle ${idle}, half way ${first?.memory}, at the end ${second?.memory}`);
  console.log(`client: ${times.length} answers, ms: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`);
  const isBounded = (second?.memory ?? 0) <= (first?.memory ?? 0) * (1 + MAX_GROWTH);
  return blocked <= MAX_BLOCKED && isBounded ? 0 : 1;
}

process.exitCode = await main();
