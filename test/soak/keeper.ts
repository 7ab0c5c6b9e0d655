/**
 * Incarnations of an agent that leaves a daemon in a session of its own, several at a time, in a keeper on a machine whose cores are all busy. Each one is
 * killed after its exit. Prints figures; ends with 1 when a process is left, an orphan was not attributed, or memory or descriptors grow.
 *
 *     tsx test/soak/keeper.ts [INCARNATIONS=10000]
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { childrenOf } from '../../src/drivers/proc/proc.js';
import { ProgramClient, residentMemory } from '../drivers/keeper/program-client.js';

const count = Number(process.argv[2] ?? 10_000);
const AT_A_TIME = 20;
/** The memory of a new keeper grows until its first collections. */
const GROWTH = 12_000_000;

const load = Array.from({ length: availableParallelism() }, () => spawn('sh', ['-c', 'while :; do :; done']));
const client = await ProgramClient.open();
let problems = 0;
try {
  await run();
} finally {
  await client.close();
  for (const busy of load) busy.kill('SIGKILL');
}

async function run(): Promise<void> {
  const first = Math.ceil(count / 10);
  await incarnations(0, first);
  const [memory, descriptors] = [residentMemory(client.pid), descriptorsOf(client.pid)];
  const began = performance.now();
  await incarnations(first, count);
  const rate = ((count - first) * 1000) / (performance.now() - began);
  const left = childrenOf(client.pid).length;
  const growth = residentMemory(client.pid) - memory;
  const opened = descriptorsOf(client.pid) - descriptors;
  console.log(`${count} incarnations, ${rate.toFixed()} a second: ${left} processes left, ${problems} problems`);
  console.log(
    `memory grew by ${(growth / 1e6).toFixed(1)} MB to ${(memory + growth) / 1e6} MB, descriptors by ${opened}`,
  );
  process.exitCode = left === 0 && problems === 0 && growth < GROWTH && opened === 0 ? 0 : 1;
}

async function incarnations(from: number, to: number): Promise<void> {
  for (let first = from; first < to; first += AT_A_TIME) {
    const agents = Array.from({ length: Math.min(AT_A_TIME, to - first) }, (_, at) => first + at);
    for (const agent of agents) client.start(agent, '( setsid sleep 1000 & ) ; exit 0');
    await Promise.all(agents.map(end));
    problems += client.all('problem').length;
    client.messages.length = 0;
  }
}

async function end(agent: number): Promise<void> {
  await client.find('exited', agent);
  client.send({ type: 'kill', agent, after: 0 });
  await client.gone(agent);
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
