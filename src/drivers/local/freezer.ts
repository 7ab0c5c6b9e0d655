import type { Clock } from '../../contract/clock.js';
import type { ProcStat } from '../proc/proc.js';
import type { ProcessTree } from './process-tree.js';

/** How long the members may take until all are seen stopped, in ms. One in uninterruptible sleep stops only when it wakes. */
const PATIENCE = 1000;

const LONGEST_LOOK = 50;

/**
 * Stops a whole process tree in place (SIGSTOP cannot be caught, signal(7)) and looks until every member is stopped: a member may
 * fork between the look and the signal, so each round signals again what still runs.
 */
export class Freezer {
  readonly #tree: ProcessTree;
  readonly #clock: Clock;
  #timer: unknown;
  #done: ((problem: string | null) => void) | undefined;

  constructor(tree: ProcessTree, clock: Clock) {
    this.#tree = tree;
    this.#clock = clock;
  }

  /** Calls `done` once, later: with `null` when all are stopped, else with the reason, and then nothing is left stopped. */
  freeze(done: (problem: string | null) => void): void {
    this.cancel('it was paused again');
    this.#done = done;
    this.#tree.signal('SIGSTOP');
    this.#lookAfter(1, this.#clock.now() + PATIENCE);
  }

  /** Ends a freeze that is under way; what was stopped is for the caller to continue. */
  cancel(reason: string): void {
    this.#clock.clearTimeout(this.#timer);
    this.#finish(reason);
  }

  /** Forgets a freeze that is under way without a word: the process has ended. */
  forget(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#done = undefined;
  }

  #lookAfter(delay: number, until: number): void {
    this.#timer = this.#clock.setTimeout(() => this.#check(delay, until), delay);
  }

  #check(delay: number, until: number): void {
    const look = this.#tree.look();
    const running = runningOf(look.alive);
    if (running.length === 0 && look.certain) return this.#finish(null);
    if (this.#clock.now() >= until) {
      this.#tree.signal('SIGCONT', look);
      const names = running.map((member) => `${member.name} (pid ${member.pid}, state ${member.state})`);
      return this.#finish(`not stopped within ${PATIENCE} ms: ${names.join(', ') || 'its tree keeps changing'}`);
    }
    if (running.length > 0) this.#tree.signal('SIGSTOP', { ...look, alive: running });
    this.#lookAfter(Math.min(delay * 2, LONGEST_LOOK), until);
  }

  #finish(problem: string | null): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(problem);
  }
}

/**
 * Those that are not stopped. A process in vfork(2) sleeps (D) until its child has called execve(2), so with the child stopped it is as
 * stopped, though it is never seen so.
 */
function runningOf(members: readonly ProcStat[]): readonly ProcStat[] {
  const stopped = members.filter(({ state }) => state === 'T' || state === 't');
  const held = new Set(stopped.map(({ parent }) => parent));
  return members.filter((member) => !stopped.includes(member) && !(member.state === 'D' && held.has(member.pid)));
}
