import { isMainThread } from 'node:worker_threads';
import { messageOf } from '../errors.js';
import { childrenOfMainThread, isDefunct, type ProcStat, readStat } from './proc/proc.js';
import { afterTurns } from './turns.js';

/*
 * Orphans come to the first process of a PID namespace, such as a container, or to a subreaper above them. They stay defunct there until they are reaped, and
 * Node reaps only what it has started itself.
 */

type NativeWait = typeof import('./keeper/native/wait.js');

/**
 * From now on, reaps the orphans that come to this process, if it is the first one of its PID namespace and this is its main thread; `report` is called when it
 * cannot.
 */
export function reapOrphansIfFirst(report: (problem: string) => void): void {
  if (process.pid === 1) void reapOrphans(report);
}

/** From now on, reaps the orphans that come to this process, if it is a subreaper and this is its main thread. To be called when it may have become the parent of some. */
export async function reapOrphansIfSubreaper(): Promise<void> {
  const native = isMainThread ? await import('./keeper/native/subreaper.js').catch(() => null) : null;
  if (native?.isSubreaper()) await reapOrphans(() => {});
}

/** Why this process could not reap orphans; `null` when it could. */
export async function orphansObstacle(): Promise<string | null> {
  const wait = await loadWait();
  return typeof wait === 'string' ? wait : null;
}

let isBegun = false;

/** Once begun it goes on, because orphans may come at any time. The listener does not keep the program alive. */
async function reapOrphans(report: (problem: string) => void): Promise<void> {
  if (isBegun || !isMainThread) return;
  isBegun = true;
  const wait = await loadWait();
  if (typeof wait === 'string')
    return report(`orphans come to this process, pid ${process.pid}, and stay defunct: it cannot reap them (${wait})`);
  const reaper = new OrphanReaper(wait);
  process.on('SIGCHLD', () => reaper.look());
  reaper.look();
}

/** As text: why it cannot be loaded. */
async function loadWait(): Promise<NativeWait | string> {
  try {
    return await import('./keeper/native/wait.js');
  } catch (thrown) {
    return messageOf(thrown).split('\n')[0]!;
  }
}

/**
 * Reaps the children of the main thread that nobody else reaps, and never one whose end somebody else waits for:
 *
 * 1. At each SIGCHLD the event loop of Node reaps those of its children that have ended. A child that was defunct before and after that is none of them.
 * 2. What a worker thread has started is a child of that thread, and an orphan is one of the main thread.
 * 3. An addon may start children as well, and wait for them in a thread of its own: it has a second for that.
 */
class OrphanReaper {
  readonly #wait: NativeWait;
  #isLooking = false;

  constructor(wait: NativeWait) {
    this.#wait = wait;
  }

  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setImmediate(() => void this.#reapAll());
  }

  async #reapAll(): Promise<void> {
    for (let suspects = this.#defunct(); suspects.length > 0; suspects = this.#defunct()) {
      await new Promise((resolve) => setTimeout(resolve, PATIENCE).unref());
      await nextChildSignal();
      for (const suspect of suspects) if (isStillDefunct(suspect)) this.#wait.reap(suspect.pid);
    }
    this.#isLooking = false;
  }

  /** One call tells whether there is any, however many children there are. */
  #defunct(): ProcStat[] {
    if (!this.#wait.hasDefunctChild()) return [];
    const stats = (childrenOfMainThread() ?? []).map((pid) => readStat(pid));
    return stats.filter((stat) => stat !== undefined && isDefunct(stat)) as ProcStat[];
  }
}

/** Resolves when Node has reaped all its children of the main thread that had ended before the call: it does so at each SIGCHLD, also at one of our own. */
function nextChildSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGCHLD', () => afterTurns(TURNS, resolve));
    process.kill(process.pid, 'SIGCHLD');
  });
}

function isStillDefunct({ pid, startTicks }: ProcStat): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.parent === process.pid && isDefunct(stat);
}

/** How long whoever has started a child has to reap it, in ms. */
const PATIENCE = 1000;

/** The listeners of one signal are called in one turn of the event loop, or in two when it comes just while the loop reads signals. */
const TURNS = 2;
