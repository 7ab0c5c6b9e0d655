import type { Clock } from '../../contract/clock.js';
import type { Usage } from '../../contract/view.js';
import type { ProcessTimes, ReadProcesses, ReadPss } from '../../drivers/driver.js';
import { DESCRIPTOR_AGE } from './processes.js';
import { TreeCpu } from './tree-cpu.js';

/** A process tree to measure. */
export interface SampledTree {
  readonly pids: readonly number[];
  /** PSS is read when the sum of RSS is above so many bytes. It is never more than RSS, so for a limit no more need be known below. */
  readonly exactAbove: number;
}

/** Measures process trees, and turns their cpu times into shares. */
export interface Sampler {
  /** By path. Trees of which no process could be read are left out. */
  sample(trees: ReadonlyMap<string, SampledTree>): Promise<Map<string, Usage>>;
  /** Forgets every process. */
  clear(): void;
}

/** A tree that was not sampled for so long is forgotten, in ms. */
const FORGET_AFTER = 60_000;

/** A process that could not be read is not read again for so long: see `DESCRIPTOR_AGE`. */
const SKIP_FOR = 2 * DESCRIPTOR_AGE;

/** A sampler without figures. Without `readPss`, memory is RSS. */
export function createSampler(clock: Clock, read: ReadProcesses, readPss?: ReadPss): Sampler {
  return new TreeSampler(clock, read, readPss);
}

interface Tree {
  readonly path: string;
  readonly members: ReadonlySet<number>;
  readonly exactAbove: number;
  readonly cpu: TreeCpu;
}

class TreeSampler implements Sampler {
  readonly #clock: Clock;
  readonly #read: ReadProcesses;
  readonly #readPss: ReadPss | undefined;
  readonly #cpus = new Map<string, { readonly cpu: TreeCpu; readonly seen: number }>();
  readonly #skipped = new Map<number, number>();

  constructor(clock: Clock, read: ReadProcesses, readPss?: ReadPss) {
    this.#clock = clock;
    this.#read = read;
    this.#readPss = readPss;
  }

  async sample(sampled: ReadonlyMap<string, SampledTree>): Promise<Map<string, Usage>> {
    this.#prune();
    const trees = [...sampled]
      .filter(([, { pids }]) => pids.length > 0)
      .map(([path, tree]) => this.#treeOf(path, tree));
    const times = await this.#times(trees);
    const measured = trees.filter(({ members }) => residentOf(members, times) !== undefined);
    const pss = await this.#pssOf(measured, times);
    return new Map(
      measured.map(({ path, members, cpu }) => [
        path,
        { cpu: cpu.share(members, times), ...memoryOf(members, times, pss) },
      ]),
    );
  }

  clear(): void {
    this.#cpus.clear();
    this.#skipped.clear();
  }

  #treeOf(path: string, { pids, exactAbove }: SampledTree): Tree {
    const cpu = this.#cpus.get(path)?.cpu ?? new TreeCpu();
    this.#cpus.set(path, { cpu, seen: this.#clock.now() });
    return { path, members: new Set(pids), exactAbove, cpu };
  }

  async #times(trees: readonly Tree[]): Promise<ReadonlyMap<number, ProcessTimes>> {
    const pids = new Set(trees.flatMap(({ members, cpu }) => [...members, ...cpu.awaited(members)]));
    const asked = [...pids].filter((pid) => !this.#skipped.has(pid));
    const times = asked.length === 0 ? new Map<number, ProcessTimes>() : await this.#read(asked);
    for (const pid of asked) if (!times.has(pid)) this.#skipped.set(pid, this.#clock.now() + SKIP_FOR);
    return times;
  }

  async #pssOf(trees: readonly Tree[], times: ReadonlyMap<number, ProcessTimes>): Promise<ReadonlyMap<number, number>> {
    const large = trees.filter(({ members, exactAbove }) => (residentOf(members, times) ?? 0) > exactAbove);
    const pids = large.flatMap(({ members }) => [...members].filter((pid) => times.has(pid)));
    return pids.length === 0 || this.#readPss === undefined ? new Map() : this.#readPss(pids);
  }

  #prune(): void {
    const now = this.#clock.now();
    for (const [path, { seen }] of this.#cpus) if (now - seen > FORGET_AFTER) this.#cpus.delete(path);
    for (const [pid, until] of this.#skipped) if (until <= now) this.#skipped.delete(pid);
  }
}

/** The sum of RSS; `undefined` when no process could be read. */
function residentOf(members: ReadonlySet<number>, times: ReadonlyMap<number, ProcessTimes>): number | undefined {
  let sum: number | undefined;
  for (const pid of members) {
    const figure = times.get(pid);
    if (figure !== undefined) sum = (sum ?? 0) + figure.memory;
  }
  return sum;
}

/** A process whose PSS cannot be read counts with its RSS, and then the whole figure is called RSS: that much it is at most. */
function memoryOf(
  members: ReadonlySet<number>,
  times: ReadonlyMap<number, ProcessTimes>,
  pss: ReadonlyMap<number, number>,
): Pick<Usage, 'memory' | 'measure'> {
  const read = [...members].filter((pid) => times.has(pid));
  let memory = 0;
  for (const pid of read) memory += pss.get(pid) ?? times.get(pid)?.memory ?? 0;
  return { memory, measure: read.every((pid) => pss.has(pid)) ? 'pss' : 'rss' };
}
