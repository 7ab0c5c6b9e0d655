import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Figures, type Measurement, ratioRow } from './measurement.js';
import { median } from './statistics.js';
import { createTree } from './subject.js';

const COUNT = 500;
const TICKS = 15;

/** Cpu and memory of whole process trees, all of them once. */
export const sampling: Measurement = {
  title: `one sample of ${COUNT} trees of two processes; the floor reads every /proc/PID/stat once, adds up by parent, and reads the smaps_rollup of each`,
  rounds: 3,
  seconds: 20,
  variants: { both },
  rows: (median) => [ratioRow(`sample ${COUNT} trees`, 'ms', median('both', 'ours'), median('both', 'floor'), 2)],
};

/** Both read the same processes, by turns. */
async function both(): Promise<Figures> {
  const agent = { command: ['sh', '-c', 'sleep 600 & wait'] };
  const tree = createTree({ children: [{ id: 'pool', pool: { size: COUNT, agent } }] });
  await tree.start();
  await sleep(500);
  const roots = tree.agents().map(({ pid }) => pid ?? 0);
  const ours: number[] = [];
  const floor: number[] = [];
  for (let tick = 0; tick < TICKS; tick++) {
    ours.push(await timed(async () => expectAll((await tree.usage()).size)));
    floor.push(await timed(async () => expectAll(readDirectly(roots).size)));
    await sleep(100);
  }
  await tree.stop({ brutal: true });
  return { ours: median(ours), floor: median(floor) };
}

async function timed(act: () => Promise<void>): Promise<number> {
  const begin = performance.now();
  await act();
  return performance.now() - begin;
}

function expectAll(seen: number): void {
  if (seen !== COUNT) throw new Error(`${seen} of ${COUNT} trees were seen`);
}

interface Sum {
  ticks: number;
  memory: number;
}

/** The cpu ticks, ended children included, and the kilobytes of PSS of each root with all its descendants. */
function readDirectly(roots: readonly number[]): Map<number, Sum> {
  const stats = readAll();
  const sums = new Map(roots.map((root) => [root, { ticks: 0, memory: 0 }]));
  for (const stat of stats.values()) {
    const sum = sums.get(rootOf(stat, stats, sums));
    if (sum === undefined) continue;
    sum.ticks += stat.ticks;
    sum.memory += pssOf(stat.pid);
  }
  return sums;
}

interface Stat {
  readonly pid: number;
  readonly ticks: number;
  readonly parent: number;
}

/** Fields of proc_pid_stat(5), counted from the state: parent 1, utime 11, stime 12, cutime 13, cstime 14. */
function readAll(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const field = pid > 0 ? fieldsOf(name) : null;
    if (field === null) continue;
    const ticks = field.slice(11, 15).reduce((sum, text) => sum + Number(text), 0);
    stats.set(pid, { pid, parent: Number(field[1]), ticks });
  }
  return stats;
}

function fieldsOf(name: string): string[] | null {
  try {
    const text = readFileSync(`/proc/${name}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null; // ended since it was listed
  }
}

function pssOf(pid: number): number {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]);
  } catch {
    return 0; // ended since it was listed
  }
}

function rootOf(stat: Stat, stats: ReadonlyMap<number, Stat>, roots: ReadonlyMap<number, unknown>): number {
  let at: Stat | undefined = stat;
  while (at !== undefined && !roots.has(at.pid)) at = stats.get(at.parent);
  return at?.pid ?? 0;
}
