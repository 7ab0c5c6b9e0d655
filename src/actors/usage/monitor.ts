import type { Clock } from '../../contract/clock.js';
import type { Usage } from '../../contract/view.js';
import type { ReadProcesses } from '../../drivers/driver.js';
import type { LimitAction, Limits, ResourceLimit } from '../../model/spec.js';
import { createSampler, readProcesses } from './sampler.js';

export type Resource = 'memory' | 'cpu';

/** Called when a limit is exceeded. `value` and `max` are bytes or percent of one core. */
export type OnLimit = (path: string, resource: Resource, value: number, max: number, action: LimitAction) => void;

export interface MonitorOptions {
  readonly clock: Clock;
  /** The pids of the process tree of an agent now; empty when it has none. Must not throw. */
  readonly membersOf: (path: string) => readonly number[];
  /** Called when a periodic sample failed as a whole, or when an `onLimit` threw; sampling continues. */
  readonly onProblem: (problem: unknown) => void;
  /** The interval of periodic samples, in ms. If not given, 2000. */
  readonly period?: number;
  /** Reads cpu time and memory of processes. If not given, through pidusage, all in one call. */
  readonly read?: ReadProcesses;
}

/**
 * Cpu and memory of whole process trees. It samples only on request, and while agents are watched: then one timer, which does not keep the program
 * alive, samples all watched agents together. Memory is the sum of resident sizes, so pages that processes of a tree share count more than once.
 */
export interface Monitor {
  /**
   * Measures these agents in one batch. Agents without processes are not in the result. Calls while a batch is being read share the next one. Cpu is the
   * share since the last figure if that is between half a second and a minute old; the first figure of a process is its average since it started.
   * Rejects when /proc cannot be read at all; a process that has vanished is no error.
   */
  sample(paths: Iterable<string>): Promise<Map<string, Usage>>;
  /**
   * Watches one incarnation; call it again for each one. For action `report`, `onLimit` is called each time a resource goes from below its limit to above
   * it; for other actions once. Cpu is judged from the second sample on, because an agent that starts may use much. Does nothing without a limit.
   */
  watch(path: string, limits: Limits, onLimit: OnLimit): void;
  /** Ends the watch: `onLimit` is not called again, even if a sample is under way. */
  unwatch(path: string): void;
  /** Ends every watch and forgets every figure. */
  close(): void;
}

const DEFAULT_PERIOD = 2_000;

/** A new monitor, at rest. */
export function createMonitor(options: MonitorOptions): Monitor {
  return new PidMonitor(options);
}

interface Watch {
  readonly limits: Limits;
  readonly onLimit: OnLimit;
  samples: number;
  /** The resources above their limit at the last sample. */
  readonly over: Set<Resource>;
  /** The resources whose action was requested; it is requested once. */
  readonly acted: Set<Resource>;
}

interface PendingSample {
  readonly paths: Set<string>;
  readonly usages: Promise<Map<string, Usage>>;
}

class PidMonitor implements Monitor {
  readonly #options: MonitorOptions;
  readonly #sampler;
  readonly #watches = new Map<string, Watch>();
  /** `null` while no timer is set; the handles of a virtual clock may be falsy. */
  #timer: { readonly handle: unknown } | null = null;
  /** True while a periodic sample is read: the timer is set again afterwards, so samples never pile up. */
  #ticking = false;
  #reading: Promise<unknown> = Promise.resolve();
  #pending: PendingSample | null = null;

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#sampler = createSampler(options.clock, options.read ?? readProcesses);
  }

  async sample(paths: Iterable<string>): Promise<Map<string, Usage>> {
    const wanted = new Set(paths);
    if (wanted.size === 0) return new Map();
    this.#pending ??= this.#openSample();
    for (const path of wanted) this.#pending.paths.add(path);
    const usages = await this.#pending.usages;
    return new Map([...usages].filter(([path]) => wanted.has(path)));
  }

  watch(path: string, limits: Limits, onLimit: OnLimit): void {
    this.unwatch(path);
    if (limits.memory === null && limits.cpu === null) return;
    this.#watches.set(path, { limits, onLimit, samples: 0, over: new Set(), acted: new Set() });
    this.#arm();
  }

  unwatch(path: string): void {
    this.#watches.delete(path);
    if (this.#watches.size === 0) this.#disarm();
  }

  close(): void {
    this.#watches.clear();
    this.#disarm();
    this.#sampler.clear();
  }

  /** Its reading starts when the previous one is done, and covers all paths that were added by then. */
  #openSample(): PendingSample {
    const paths = new Set<string>();
    const usages = this.#reading.then(() => {
      this.#pending = null;
      return this.#readTrees(paths);
    });
    // The callers see a failure; the next batch only waits for the end.
    this.#reading = usages.catch(() => {});
    return { paths, usages };
  }

  async #readTrees(paths: Set<string>): Promise<Map<string, Usage>> {
    const trees = [...paths].map((path) => [path, this.#options.membersOf(path)] as const);
    const figures = await this.#sampler.sample(trees.flatMap(([, pids]) => pids));
    const usages = new Map<string, Usage>();
    for (const [path, pids] of trees) {
      const known = pids.flatMap((pid) => figures.get(pid) ?? []);
      if (known.length > 0) usages.set(path, total(known));
    }
    return usages;
  }

  #arm(): void {
    if (this.#timer !== null || this.#ticking) return;
    const handle = this.#options.clock.setTimeout(() => this.#tick(), this.#options.period ?? DEFAULT_PERIOD);
    (handle as { unref?: () => void } | undefined)?.unref?.();
    this.#timer = { handle };
  }

  #disarm(): void {
    if (this.#timer !== null) this.#options.clock.clearTimeout(this.#timer.handle);
    this.#timer = null;
  }

  async #tick(): Promise<void> {
    this.#timer = null;
    this.#ticking = true;
    const watches = [...this.#watches];
    try {
      const usages = await this.sample(watches.map(([path]) => path));
      for (const [path, watch] of watches) this.#judge(path, watch, usages.get(path));
    } catch (problem) {
      this.#options.onProblem(problem);
    }
    this.#ticking = false;
    if (this.#watches.size > 0) this.#arm();
  }

  #judge(path: string, watch: Watch, usage: Usage | undefined): void {
    // The agent may have been unwatched, or a later incarnation watched, while the sample was read.
    if (usage === undefined || this.#watches.get(path) !== watch) return;
    watch.samples++;
    this.#compare(path, watch, 'memory', usage.memory, watch.limits.memory);
    if (watch.samples > 1) this.#compare(path, watch, 'cpu', usage.cpu, watch.limits.cpu);
  }

  #compare(path: string, watch: Watch, resource: Resource, value: number, limit: ResourceLimit | null): void {
    if (limit === null || this.#watches.get(path) !== watch) return;
    const wasOver = watch.over.delete(resource);
    if (value <= limit.max) return;
    watch.over.add(resource);
    if (wasOver || watch.acted.has(resource)) return;
    if (limit.action !== 'report') watch.acted.add(resource);
    try {
      watch.onLimit(path, resource, value, limit.max, limit.action);
    } catch (problem) {
      this.#options.onProblem(problem);
    }
  }
}

function total(usages: readonly Usage[]): Usage {
  let cpu = 0;
  let memory = 0;
  for (const usage of usages) {
    cpu += usage.cpu;
    memory += usage.memory;
  }
  return { cpu, memory };
}
