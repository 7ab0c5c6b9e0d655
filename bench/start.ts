import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SupervisorInput } from 'supertree';
import { bareKillAll, bareSpawnAll, SLEEP } from './bare.js';
import { boundRow, type Figures, leastRow, type Measurement, type Medians, plainRow, ratioRow } from './measurement.js';
import { createTree } from './subject.js';

const COUNT = Number(process.env.SUPERTREE_BENCH_AGENTS ?? 500);
const ROUNDS = Number(process.env.SUPERTREE_BENCH_ROUNDS ?? 5);
const MIB = 1024 * 1024;

/**
 * Agents of a tree in this process from nothing to all ready, and how long the event loop was blocked at most meanwhile; the same from a program
 * with a heap of 1 GiB, of which fork(2) copies the page tables for each child.
 */
export const start: Measurement = {
  title: `${COUNT} sleeping agents of a tree in this process until all are ready; the floor spawns them in one synchronous loop`,
  rounds: ROUNDS,
  seconds: ROUNDS * 19,
  variants: {
    one_for_one: () => ours({ children: ids().map((id) => ({ id, command: SLEEP })) }),
    pool: () => ours({ children: [{ id: 'pool', pool: { size: COUNT, agent: { command: SLEEP } } }] }),
    loop: () => floor(false),
    yielding: () => floor(true),
    added: () => added(),
    'added-1GiB': () => withHeap(added),
    'loop-1GiB': () => withHeap(() => floor(false)),
  },
  rows: (median) => [
    ratioRow(`start ${COUNT}, one_for_one`, 'ms', median('one_for_one', 'ms'), median('loop', 'ms'), 1.25),
    ratioRow(`start ${COUNT}, pool`, 'ms', median('pool', 'ms'), median('loop', 'ms'), 1.25),
    plainRow(
      `start ${COUNT}, bare: one spawn a turn, in one loop`,
      'ms',
      median('yielding', 'ms'),
      median('loop', 'ms'),
    ),
    boundRow('  loop blocked, one_for_one', 'ms', median('one_for_one', 'blocked'), median('yielding', 'blocked'), 50),
    boundRow('  loop blocked, pool', 'ms', median('pool', 'blocked'), median('yielding', 'blocked'), 50),
    leastRow('spawns from a heap of 1 GiB (floor: from a small one)', '/s', ...heapRates(median, 'added'), 0.9),
    plainRow('  the same, bare', '/s', ...heapRates(median, 'loop')),
  ],
};

/** Agents per second, from the large heap and from a small one. */
function heapRates(median: Medians, variant: string): [large: number, small: number] {
  const rate = (name: string) => (COUNT * 1000) / median(name, 'ms');
  return [rate(`${variant}-1GiB`), rate(variant)];
}

const ids = (): string[] => Array.from({ length: COUNT }, (_, n) => `a${n}`);

async function ours(input: SupervisorInput): Promise<Figures> {
  const tree = createTree(input);
  const figures = await timed(() => tree.start());
  await tree.stop({ brutal: true });
  return figures;
}

/** Agents are added to a tree whose keeper runs. */
async function added(): Promise<Figures> {
  const pool = { id: 'pool', pool: { size: 1, max: COUNT + 1, agent: { command: SLEEP } } };
  const tree = createTree({ children: [pool] });
  await tree.start();
  const supervisor = tree.supervisor('root/pool');
  const figures = await timed(async () => {
    await Promise.all(Array.from({ length: COUNT }, () => supervisor.add()));
  });
  await tree.stop({ brutal: true });
  return figures;
}

async function floor(yielding: boolean): Promise<Figures> {
  let children: Awaited<ReturnType<typeof bareSpawnAll>> = [];
  const figures = await timed(async () => {
    children = await bareSpawnAll(COUNT, yielding);
  });
  await bareKillAll(children);
  return figures;
}

/** Does it while the heap of this program is larger by 1 GiB of numbers, all of whose pages have been written. */
async function withHeap(measure: () => Promise<Figures>): Promise<Figures> {
  const heap = Array.from({ length: 1024 }, () => new Array<number>(MIB / 8).fill(0.5));
  const figures = await measure();
  const { heapUsed } = process.memoryUsage();
  if (heapUsed < heap.length * MIB) throw new Error(`the heap has ${heapUsed} bytes only`);
  return figures;
}

/** The histogram samples once a millisecond; the first tick after a reset is not counted, and one is needed behind the end. */
async function timed(act: () => Promise<void>): Promise<Figures> {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  await sleep(50);
  delays.reset();
  await sleep(5);
  const begin = performance.now();
  await act();
  const ms = performance.now() - begin;
  await sleep(10);
  delays.disable();
  return { ms, blocked: delays.max / 1e6 };
}
