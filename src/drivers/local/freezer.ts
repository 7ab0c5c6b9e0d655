import type { Clock } from '../../contract/clock.js';
import type { ProcStat } from '../proc/proc.js';
import type { Look } from './process-tree.js';

/** A process tree that can be stopped and continued. */
export interface FreezableTree {
  /** Finds every living member. `certain`: when all of `alive` are stopped, there is no other member. */
  look(): Look;
  /** Signals every member. If no look is given, those of a new look. */
  signal(signal: NodeJS.Signals, look?: Look): void;
}

/** How long it may take until all members are seen stopped, in ms. A process in uninterruptible sleep stops only when it wakes. */
const FREEZE_TIMEOUT = 1000;

const LONGEST_LOOK = 50;

/**
 * Stops a whole process tree by SIGSTOP, which cannot be caught (signal(7)), and checks until every member is stopped: a member may fork between the
 * check and the signal, so each round signals the members that still run.
 */
export class Freezer {
  readonly #tree: FreezableTree;
  readonly #clock: Clock;
  #timer: unknown;
  #done: ((problem: string | null) => void) | undefined;

  constructor(tree: FreezableTree, clock: Clock) {
    this.#tree = tree;
    this.#clock = clock;
  }

  /** Calls `done` once, later: with `null` when all are stopped, else with the reason, after all members were continued. */
  freeze(done: (problem: string | null) => void): void {
    this.forget();
    this.#done = done;
    this.#tree.signal('SIGSTOP');
    this.#lookAfter(1, this.#clock.now() + FREEZE_TIMEOUT);
  }

  /** Drops a freeze that is under way without calling `done`; the caller must continue the stopped members. */
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
      return this.#finish(`not stopped within ${FREEZE_TIMEOUT} ms: ${names.join(', ') || 'its tree keeps changing'}`);
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
 * The members that are not stopped. A process in vfork(2) sleeps (D) until its child has called execve(2): with the child stopped it does not run either,
 * although its state never shows that.
 */
function runningOf(members: readonly ProcStat[]): readonly ProcStat[] {
  const stopped = members.filter(({ state }) => state === 'T' || state === 't');
  const held = new Set(stopped.map(({ parent }) => parent));
  return members.filter((member) => !stopped.includes(member) && !(member.state === 'D' && held.has(member.pid)));
}
