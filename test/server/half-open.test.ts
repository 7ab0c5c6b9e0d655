import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect as dial, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { connect } from '../../src/client/client.js';
import { scratch, until } from '../cli/process.js';
import { PROGRAM, ROOT } from '../program.js';

/** Descriptors that the server may have; half of them is the share of connections. */
const LIMIT = 256;

/** What it uses itself (sockets that listen, pipes of its own) and what is accepted in the moment before a socket is closed. */
const OVER = 48;

/** A real server with a tcp and an ipc endpoint and few descriptors. */
async function fewDescriptors(): Promise<{ pid: number; ipc: string; tcp: string; port: number }> {
  const place = await scratch();
  const file = join(place.path, 'tree.json');
  const endpoints = [place.endpoint, 'tcp://127.0.0.1:*'];
  await writeFile(file, JSON.stringify({ children: [], server: { endpoints } }));
  const args = ['serve', file, '--insecure'];
  const child = spawn('sh', ['-c', `ulimit -n ${LIMIT}; exec "$@"`, 'sh', ...PROGRAM, ...args], { cwd: ROOT });
  const closed = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    expect({ end: await closed, said: output }).toMatchObject({ end: [0, null] });
    await place.remove();
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  await until(() => /listening on tcp:\/\/127\.0\.0\.1:\d+/.test(output));
  const port = Number(/listening on tcp:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1]);
  return { pid: child.pid ?? 0, ipc: place.endpoint, tcp: `tcp://127.0.0.1:${port}`, port };
}

/** Keeps so many connections that say nothing: each one that is closed is made anew. */
function halfOpen(port: number, count: number): () => void {
  const open = new Set<Socket>();
  let isOver = false;
  const one = (): void => {
    if (isOver) return;
    const socket = dial(port, '127.0.0.1');
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      open.delete(socket);
      setTimeout(one, 100);
    });
  };
  for (let index = 0; index < count; index += 1) one();
  return () => {
    isOver = true;
    for (const socket of open) socket.destroy();
  };
}

/** Processor time of a process in seconds: utime and stime of /proc/PID/stat, in ticks of 10 ms. */
async function cpuOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

it('a server with few descriptors and many half-open connections starts agents, answers, and does not spin', async () => {
  const server = await fewDescriptors();
  const stop = halfOpen(server.port, 600);
  onTestFinished(stop);
  const client = await connect({ endpoint: server.ipc, timeout: 60_000 });
  onTestFinished(() => client.close());
  for (let index = 0; index < 12; index += 1) {
    const { state } = await client.spawn({ id: `a${index}`, command: ['sleep', '300'] });
    expect(state).toBe('running');
    const openFiles = async () => (await readdir(`/proc/${server.pid}/fd`)).length;
    // Its own agents have three pipes each, within their half. A server that does not run for a moment accepts more, and closes them when it runs.
    await expect.poll(openFiles).toBeLessThan(LIMIT / 2 + OVER + 4 * (index + 1));
  }
  const before = await cpuOf(server.pid);
  await sleep(4_000);
  expect((await cpuOf(server.pid)) - before).toBeLessThan(2);
  // Whoever comes over tcp has its turn between two waves; in one its connection is closed.
  const far = await connect({ endpoint: server.tcp, timeout: 60_000, wait: 60_000 });
  onTestFinished(() => far.close());
  expect(await far.agents()).toHaveLength(12);
  expect((await client.agents()).every(({ state }) => state === 'running')).toBe(true);
}, 180_000);
