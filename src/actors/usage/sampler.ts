import pidusage from 'pidusage';
import type { Clock } from '../../contract/clock.js';
import type { Usage } from '../../contract/view.js';
import type { ProcessTimes, ReadProcesses } from '../../drivers/driver.js';

/** Turns cpu times into shares. */
export interface Sampler {
  sample(pids: readonly number[]): Promise<Map<number, Usage>>;
  /** Forgets every process. */
  clear(): void;
}

/** A share over less time than this would be noise: the kernel counts cpu time in ticks of 10 ms. */
const MIN_SPAN = 500;

/** A process that was not sampled for so long is forgotten, in ms. */
const FORGET_AFTER = 60_000;

/*
 * pidusage keeps /proc/PID/stat of each process open between calls and closes it this long after the last one. Its clear() drops the descriptors without
 * closing them, so it is never called. While an old descriptor is open, a new process with the same pid cannot be read, and each read keeps it open: so
 * a process that could not be read is not read again during twice this time.
 */
const DESCRIPTOR_AGE = 3_000;
const SKIP_FOR = 2 * DESCRIPTOR_AGE;

interface Base {
  readonly ctime: number;
  readonly elapsed: number;
  readonly cpu: number;
  seen: number;
}

/** A sampler without figures. */
export function createSampler(clock: Clock, read: ReadProcesses): Sampler {
  return new SpanSampler(clock, read);
}

class SpanSampler implements Sampler {
  readonly #clock: Clock;
  readonly #read: ReadProcesses;
  readonly #bases = new Map<number, Base>();
  readonly #skipped = new Map<number, number>();

  constructor(clock: Clock, read: ReadProcesses) {
    this.#clock = clock;
    this.#read = read;
  }

  async sample(pids: readonly number[]): Promise<Map<number, Usage>> {
    this.#prune();
    const asked = [...new Set(pids)].filter((pid) => !this.#skipped.has(pid));
    const times = asked.length === 0 ? new Map<number, ProcessTimes>() : await this.#read(asked);
    const usages = new Map<number, Usage>();
    for (const pid of asked) {
      const now = times.get(pid);
      if (now) usages.set(pid, { cpu: this.#share(pid, now), memory: now.memory });
      else this.#lose(pid);
    }
    return usages;
  }

  clear(): void {
    this.#bases.clear();
    this.#skipped.clear();
  }

  /** The share since the base; a process younger than its base is another one with the same pid. */
  #share(pid: number, now: ProcessTimes): number {
    const base = this.#bases.get(pid);
    const known = base !== undefined && now.elapsed >= base.elapsed && now.ctime >= base.ctime;
    const span = known ? now.elapsed - base.elapsed : now.elapsed;
    if (known && span < MIN_SPAN) {
      base.seen = this.#clock.now();
      return base.cpu;
    }
    const used = known ? now.ctime - base.ctime : now.ctime;
    const cpu = span > 0 ? (used / span) * 100 : 0;
    this.#bases.set(pid, { ctime: now.ctime, elapsed: now.elapsed, cpu, seen: this.#clock.now() });
    return cpu;
  }

  #lose(pid: number): void {
    this.#bases.delete(pid);
    this.#skipped.set(pid, this.#clock.now() + SKIP_FOR);
  }

  #prune(): void {
    const now = this.#clock.now();
    for (const [pid, base] of this.#bases) if (now - base.seen > FORGET_AFTER) this.#bases.delete(pid);
    for (const [pid, until] of this.#skipped) if (until <= now) this.#skipped.delete(pid);
  }
}

/** Reads through pidusage, all in one call. Its own cpu figure is not used: it is 0 at first, and noise at short intervals. */
export const readProcesses: ReadProcesses = async (pids) => {
  const stats = await pidusage([...pids], { usePs: false, maxage: DESCRIPTOR_AGE }).catch(onlyOneVanished);
  const times = new Map<number, ProcessTimes>();
  for (const [pid, stat] of Object.entries(stats)) if (stat) times.set(Number(pid), stat);
  return times;
};

/** pidusage leaves vanished processes out of its result, but rejects when the only requested one has vanished. */
function onlyOneVanished(problem: unknown): Record<string, pidusage.Status> {
  const code = problem instanceof Error && 'code' in problem ? problem.code : undefined;
  if (code === 'ENOENT' || code === 'ESRCH') return {};
  throw problem;
}
