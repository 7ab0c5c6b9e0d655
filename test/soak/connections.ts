/**
 * Many silent connections, and many that send requests and never read, to the built server in a process of its own; meanwhile a normal
 * client measures its answers. Prints figures; ends with 1 when an answer is missing or memory does not settle.
 *
 *     tsx test/soak/connections.ts [SILENT=2000] [RUDE=200] [SECONDS=20]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Dealer } from 'zeromq';
import { pack } from '../../src/protocol/codec.js';
import { RawPeer } from '../transport/raw-peer.js';

const MAIN = new URL('../../dist/cli/main.js', import.meta.url).pathname;

/** The growth of memory in the second half of the run that is allowed: what an allocator keeps. */
const MAX_GROWTH = 0.1;

interface Figures {
  readonly silent: number;
  readonly rude: number;
  readonly requests: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly missing: number;
  /** Resident memory of the server in MiB: idle, with the silent connections, half way, at the end. */
  readonly memory: readonly number[];
}

async function main(): Promise<number> {
  const [silent = 2_000, rude = 200, seconds = 20] = process.argv.slice(2).map(Number);
  const directory = await mkdtemp(join(tmpdir(), 'supertree-soak-'));
  const server = await startServer(directory);
  try {
    const figures = await run(server, silent, rude, seconds);
    console.log(JSON.stringify(figures, null, 2));
    const [, , half = 0, end = 0] = figures.memory;
    return figures.missing === 0 && end <= half * (1 + MAX_GROWTH) ? 0 : 1;
  } finally {
    server.process.kill('SIGTERM');
    await new Promise((resolve) => server.process.once('exit', resolve));
    await rm(directory, { recursive: true, force: true });
  }
}

interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly endpoint: string;
  readonly port: number;
}

async function startServer(directory: string): Promise<Running> {
  const child = spawn(process.execPath, [MAIN, 'serve', '--endpoint', 'tcp://127.0.0.1:0', '--insecure'], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const endpoint = await new Promise<string>((resolve, reject) => {
    let output = '';
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    child.stdout?.on('data', (text) => {
      output += String(text);
      const found = /listening on (tcp:\/\/127\.0\.0\.1:\d+)/.exec(output);
      if (found?.[1] !== undefined) resolve(found[1]);
    });
  });
  return { process: child, pid: child.pid ?? 0, endpoint, port: Number(new URL(endpoint).port) };
}

async function run({ pid, endpoint, port }: Running, silent: number, rude: number, seconds: number): Promise<Figures> {
  const memory = [await residentMemory(pid)];
  const idle = await openAll(silent, (n) => (n % 2 === 0 ? RawPeer.connect(port) : RawPeer.open(port)));
  memory.push(await residentMemory(pid));
  const peers = await openAll(rude, () => RawPeer.open(port));
  const request = pack({ type: 'tree_request', request_id: 'r'.repeat(200), operation: 'ps' });
  const timer = setInterval(() => {
    for (const peer of peers) if (peer.waiting < 65_536) for (let n = 0; n < 20; n++) peer.send(request);
  }, 10);
  const times: number[] = [];
  let missing = 0;
  for (const half of [1, 2]) {
    for (const end = Date.now() + (seconds * 1_000) / 2; Date.now() < end; ) {
      const duration = await askHealth(endpoint);
      if (duration === null) missing++;
      else times.push(duration);
      await sleep(20);
    }
    memory.push(await residentMemory(pid));
    console.error(`half ${half}: ${times.length} answers, ${memory.at(-1)} MiB`);
  }
  clearInterval(timer);
  for (const peer of [...idle, ...peers]) peer.close();
  times.sort((a, b) => a - b);
  const at = (part: number) => round(times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0);
  return { silent, rude, requests: times.length, p50: at(0.5), p99: at(0.99), max: at(1), missing, memory };
}

/** Opens `count` connections, a hundred at a time: the listen queue is limited. */
async function openAll(count: number, open: (n: number) => Promise<RawPeer>): Promise<RawPeer[]> {
  const peers: RawPeer[] = [];
  while (peers.length < count) {
    const batch = Math.min(100, count - peers.length);
    peers.push(...(await Promise.all(Array.from({ length: batch }, (_, n) => open(peers.length + n)))));
  }
  return peers;
}

/** The ms that an answer took on a connection of its own; `null` when none came within 10 s. */
async function askHealth(endpoint: string): Promise<number | null> {
  const socket = new Dealer({ linger: 0, receiveTimeout: 10_000 });
  socket.connect(endpoint);
  const began = performance.now();
  try {
    await socket.send(['', pack({ type: 'health_check_request', request_id: 'h' })]);
    await socket.receive();
    return performance.now() - began;
  } catch {
    return null;
  } finally {
    socket.close();
  }
}

async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}

process.exitCode = await main();
