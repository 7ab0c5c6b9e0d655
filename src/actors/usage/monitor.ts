import type { Clock } from '../../contract/clock.js';
import type { Usage } from '../../contract/view.js';
import type { ReadProcesses, ReadPss } from '../../drivers/driver.js';
import { readPss } from '../../drivers/proc/pss.js';
import type { ReportBody } from '../../model/report.js';
import type { LimitAction, Limits, ResourceLimit } from '../../model/spec.js';
import { readProcesses } from './processes.js';
import { createSampler, type SampledTree } from './sampler.js';

export type Resource = 'memory' | 'cpu';

/** By how much a limit was exceeded: `value` and `max` are bytes or percent of one core. */
export type Excess = Omit<ReportBody & { type: 'limit' }, 'type' | 'action'> & { readonly action: LimitAction };

/** Called when a limit is exceeded. */
export type OnLimit = (path: string, excess: Excess) => void;

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
  /** Reads the PSS of processes. If not given, from /proc; or with `read`, none: memory is RSS then. */
  readonly readPss?: ReadPss;
}

/**
 * Cpu and memory of whole process trees. It samples only on request, and while agents are watched: then one timer, which does not keep the program
 * alive, samples all watched agents together. Memory is PSS, in which a page that processes of a tree share counts once, or RSS where
 * that cannot be read. The kernel computes PSS from every page of a process, so for limits alone it is read only of trees whose RSS is above their limit.
 */
export interface Monitor {
  /**
   * Measures these agents in one batch. Agents without processes are not in the result. Calls while a batch is being read share the next one. Cpu is the
   * share since the last figure if that is between half a second and a minute old; the first figure of a tree is its average since it started.
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

/** For figures that are shown, PSS is read whatever RSS is; for an agent with a cpu limit alone, never. */
const ALWAYS = -1;
const NEVER = Infinity;

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
  /** The agents, each with the RSS above which its PSS is read. */
  readonly wanted: Map<string, number>;
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
    this.#sampler = createSampler(
      options.clock,
      options.read ?? readProcesses,
      options.readPss ?? (options.read ? undefined : readPss),
    );
  }

  async sample(paths: Iterable<string>): Promise<Map<string, Usage>> {
    return this.#sample(new Map([...paths].map((path) => [path, ALWAYS])));
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

  /** Measures these agents, each with PSS if its RSS is above the number. */
  async #sample(wanted: ReadonlyMap<string, number>): Promise<Map<string, Usage>> {
    if (wanted.size === 0) return new Map();
    this.#pending ??= this.#openSample();
    const all = this.#pending.wanted;
    for (const [path, exactAbove] of wanted) all.set(path, Math.min(exactAbove, all.get(path) ?? Infinity));
    const usages = await this.#pending.usages;
    return new Map([...usages].filter(([path]) => wanted.has(path)));
  }

  /** Its reading starts when the previous one is done, and covers all paths that were added by then. */
  #openSample(): PendingSample {
    const wanted = new Map<string, number>();
    const usages = this.#reading.then(() => {
      this.#pending = null;
      return this.#sampler.sample(this.#treesOf(wanted));
    });
    // The callers see a failure; the next batch only waits for the end.
    this.#reading = usages.catch(() => {});
    return { wanted, usages };
  }

  #treesOf(wanted: ReadonlyMap<string, number>): Map<string, SampledTree> {
    const { membersOf } = this.#options;
    return new Map([...wanted].map(([path, exactAbove]) => [path, { pids: membersOf(path), exactAbove }]));
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
      const usages = await this.#sample(
        new Map(watches.map(([path, { limits }]) => [path, limits.memory?.max ?? NEVER])),
      );
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
    this.#compare(path, watch, { resource: 'memory', value: usage.memory, measure: usage.measure });
    if (watch.samples > 1) this.#compare(path, watch, { resource: 'cpu', value: usage.cpu });
  }

  #compare(path: string, watch: Watch, figure: Omit<Excess, 'max' | 'action'>): void {
    const { resource, value } = figure;
    const limit: ResourceLimit | null = watch.limits[resource];
    if (limit === null || this.#watches.get(path) !== watch) return;
    const wasOver = watch.over.delete(resource);
    if (value <= limit.max) return;
    watch.over.add(resource);
    if (wasOver || watch.acted.has(resource)) return;
    if (limit.action !== 'report') watch.acted.add(resource);
    try {
      watch.onLimit(path, { ...figure, ...limit });
    } catch (problem) {
      this.#options.onProblem(problem);
    }
  }
}
