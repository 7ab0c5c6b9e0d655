/*
 * A million hostile frames against one server: `tsx test/soak/fuzz.ts [COUNT] [SEED]`. Prints memory and counts; ends with 1 when an
 * answer was missing or faulty, when the server had an internal error, or when memory kept growing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pack } from '../../src/protocol/codec.js';
import { ask } from '../transport/rig.js';
import { frames } from './frames.js';
import { createFuzzServer } from './fuzz-server.js';
import { type Counts, sendFrames } from './send-frames.js';

const MIB = 1024 * 1024;

/** The growth of the heap in the second half that is allowed, in MiB: noise of the garbage collector, not a leak. */
const TOLERANCE = 48;

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);

/** The heap in use, in MiB. `--expose-gc` makes it exact. */
async function used(): Promise<number> {
  await sleep(200);
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / MIB;
}

function report(counts: Counts): void {
  const { rss, heapUsed } = process.memoryUsage();
  const memory = `heap ${Math.round(heapUsed / MIB)} MiB, resident ${Math.round(rss / MIB)} MiB`;
  console.log(`${counts.answers} answers, ${counts.refusals} refusals, ${counts.undecodable} undecodable; ${memory}`);
}

async function sendHalf(endpoint: string, from: number, uuid: string): Promise<Counts> {
  let next = 0;
  const counts = await sendFrames(endpoint, frames(count / 2, from, uuid), (counts) => {
    if (counts.answers < next) return;
    next = counts.answers + count / 20;
    report(counts);
  });
  report(counts);
  return counts;
}

console.log(`fuzz: ${count} frames, seed ${seed}`);
const server = await createFuzzServer();
const { uuid } = server.tree.agent('web');
const halves = [await sendHalf(server.endpoint, seed, uuid)];
const between = await used();
halves.push(await sendHalf(server.endpoint, seed + 1, uuid));
const after = await used();
const health = await ask(server.endpoint, pack(['health_check_request', 'r']));
const { failures } = server;
await server.close();

const answers = halves.reduce((sum, counts) => sum + counts.answers, 0);
const faults = halves.flatMap((counts) => counts.faults);
const grown = Math.round(after - between);
console.log(`heap after each half: ${Math.round(between)} and ${Math.round(after)} MiB`);
for (const problem of [...faults, ...failures.map(String)].slice(0, 20)) console.log(`fault: ${problem}`);
const passed =
  answers === count && faults.length + failures.length === 0 && health.healthy === true && grown < TOLERANCE;
console.log(passed ? 'passed' : `FAILED with seed ${seed}: ${answers} answers, heap grew by ${grown} MiB`);
process.exitCode = passed ? 0 : 1;
