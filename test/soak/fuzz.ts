/*
 * A million hostile frames against one server: `tsx test/soak/fuzz.ts [COUNT] [SEED]`. Prints memory and counts; ends with 1 when an
 * answer was missing or faulty, when something went wrong inside, or when memory did not come to rest.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pack } from '../../src/protocol/codec.js';
import { ask } from '../transport/rig.js';
import { assault, type Toll } from './assault.js';
import { createBattlefield } from './battlefield.js';
import { frames } from './frames.js';

const MIB = 1024 * 1024;

/** How much more memory the second half may leave than the first, in MiB: noise of the collector, not a leak. */
const TOLERANCE = 48;

const count = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);

/** The size of what is still in use. `--expose-gc` makes it exact. */
async function used(): Promise<number> {
  await sleep(200);
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / MIB;
}

function report(toll: Toll): void {
  const { rss, heapUsed } = process.memoryUsage();
  const memory = `heap ${Math.round(heapUsed / MIB)} MiB, resident ${Math.round(rss / MIB)} MiB`;
  console.log(`${toll.answers} answers, ${toll.refusals} refusals, ${toll.undecodable} undecodable; ${memory}`);
}

async function half(endpoint: string, from: number, uuid: string): Promise<Toll> {
  let next = 0;
  const toll = await assault(endpoint, frames(count / 2, from, uuid), (so) => {
    if (so.answers < next) return;
    next = so.answers + count / 20;
    report(so);
  });
  report(toll);
  return toll;
}

console.log(`fuzz: ${count} frames, seed ${seed}`);
const field = await createBattlefield();
const { uuid } = field.tree.agent('web');
const tolls = [await half(field.endpoint, seed, uuid)];
const between = await used();
tolls.push(await half(field.endpoint, seed + 1, uuid));
const after = await used();
const health = await ask(field.endpoint, pack(['health_check_request', 'r']));
const { failures } = field;
await field.close();

const answers = tolls.reduce((sum, toll) => sum + toll.answers, 0);
const faults = tolls.flatMap((toll) => toll.faults);
const grown = Math.round(after - between);
console.log(`heap after each half: ${Math.round(between)} and ${Math.round(after)} MiB`);
for (const problem of [...faults, ...failures.map(String)].slice(0, 20)) console.log(`fault: ${problem}`);
const passed =
  answers === count && faults.length + failures.length === 0 && health.healthy === true && grown < TOLERANCE;
console.log(passed ? 'passed' : `FAILED with seed ${seed}: ${answers} answers, heap grew by ${grown} MiB`);
process.exitCode = passed ? 0 : 1;
