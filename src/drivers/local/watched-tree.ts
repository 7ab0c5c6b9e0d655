import type { Clock } from '../../contract/clock.js';
import type { Blocker } from '../../model/agent.js';
import { afterTurns } from '../turns.js';
import type { Census, Scan } from './census.js';
import { Freezer } from './freezer.js';
import type { LookQueue } from './look-queue.js';
import { ProcessTree } from './process-tree.js';

/** What watched trees share. */
export interface Watch {
  readonly clock: Clock;
  readonly census: Census;
  readonly looks: LookQueue;
}

type Signal = NodeJS.Signals | number;

/** The processes that have come of one child of this process: signals them, and looks for them in /proc until none is left, once their end was requested. */
export class WatchedTree {
  readonly #tree: ProcessTree;
  readonly #watch: Watch;
  readonly #emptied: () => void;
  readonly #freezer: Freezer;
  #isReaped = false;
  #isReleased = false;
  /** How its end was requested. Then its members are looked for until none is left; after a kill, those that are found are killed at each look. */
  #ending: 'ask' | 'kill' | null = null;
  #timer: unknown;

  /**
   * `pid` is a child that leads a session of its own and is not reaped yet. `emptied` is called by each look that finds no member, until `release`. Throws
   * INTERNAL when it does not lead one.
   */
  constructor(pid: number, token: string, watch: Watch, emptied: () => void) {
    this.#tree = new ProcessTree(pid, token, watch.census);
    this.#watch = watch;
    this.#emptied = emptied;
    this.#freezer = new Freezer(this.#tree, watch.clock);
  }

  /** True while a look may show that it has ended. */
  get isEnding(): boolean {
    return !this.#isReleased && (this.#ending !== null || this.#isReaped);
  }

  /** Sends a signal to all members, or to the main process alone, and then SIGCONT to all members. */
  ask(signal: Signal, mainOnly: boolean): void {
    this.#ending ??= 'ask';
    this.#freezer.forget();
    this.#atNextLook((scan) => {
      const look = this.#tree.look(scan);
      if (mainOnly) this.#tree.signalMain(signal);
      else this.#tree.signal(signal, look);
      this.#tree.signal('SIGCONT', look);
    });
    if (this.#isReaped) this.#watchFrom(FIRST_LOOK);
  }

  /** Sends SIGKILL to all members, at each look. */
  kill(): void {
    this.#ending = 'kill';
    this.#freezer.forget();
    this.#atNextLook((scan) => this.#tree.signal('SIGKILL', this.#tree.look(scan)));
    this.#watchFrom(FIRST_LOOK);
  }

  /** Sends SIGKILL to all members synchronously, for a program that is about to end. True when none was left to kill. */
  killNow(): boolean {
    if (this.#isReleased) return true;
    const look = this.#tree.look();
    this.#tree.signal('SIGKILL', look);
    return look.alive.length === 0 && look.certain;
  }

  /** Signals the process group alone. */
  signalGroup(signal: Signal): void {
    this.#tree.signalGroup(signal);
  }

  /** As `Freezer`. */
  freeze(done: (problem: string | null) => void): void {
    this.#freezer.freeze(done);
  }

  thaw(): void {
    this.#freezer.forget();
    this.#tree.signal('SIGCONT');
  }

  /** The main process was reaped. */
  reaped(): void {
    this.#isReaped = true;
    this.#tree.reaped();
    this.#freezer.forget();
  }

  /** Calls `then` after the next scan with whether no member is left. To be called once, after `reaped`. */
  afterNextLook(then: (isEmpty: boolean) => void): void {
    this.#watch.looks.push((scan) => {
      const look = this.#tree.look(scan);
      then(look.alive.length === 0 && look.certain);
      if (!this.#isReleased && this.#ending !== null) this.#watchFrom(FIRST_LOOK);
    });
  }

  /** Looks soon whether it is empty, if its end was requested. */
  look(): void {
    if (this.#ending !== null && this.#isReaped) this.#atNextLook((scan) => this.#check(scan, FIRST_LOOK));
  }

  /** Every living member as a blocker. */
  blockers(): Blocker[] {
    return this.#isReleased ? [] : this.#tree.blockers();
  }

  members(): number[] {
    return this.#isReleased ? [] : this.#tree.members();
  }

  /** It is empty or abandoned. */
  release(): void {
    this.#isReleased = true;
    this.#watch.clock.clearTimeout(this.#timer);
    this.#tree.release();
  }

  /** Does `work` after the next scan, unless it is released by then. */
  #atNextLook(work: (scan: Scan) => void): void {
    this.#watch.looks.push((scan) => {
      if (!this.#isReleased) work(scan);
    });
  }

  /** Checks until it is empty, soon at first and then less often. */
  #watchFrom(delay: number): void {
    this.#watch.clock.clearTimeout(this.#timer);
    this.#timer = this.#watch.clock.setTimeout(() => this.#atNextLook((scan) => this.#check(scan, delay)), delay);
  }

  #check(scan: Scan, delay: number): void {
    const look = this.#tree.look(scan);
    if (look.alive.length === 0 && look.certain) this.#emptied();
    if (this.#isReleased) return;
    if (this.#ending === 'kill') this.#tree.signal('SIGKILL', look);
    this.#watchFrom(Math.min(delay * 2, LONGEST_LOOK));
  }
}

/** Calls `done` when the ends of main processes are known, which takes some turns, and what is left of trees that are being ended, which takes a scan. */
export function afterLooks(trees: () => readonly WatchedTree[], looks: () => LookQueue, done: () => void): void {
  afterTurns(TURNS, () => {
    const ending = trees().filter((tree) => tree.isEnding);
    if (ending.length === 0) return done();
    for (const tree of ending) tree.look();
    looks().push(done);
  });
}

/** In the first turn pipes are read and children reaped; the end of one is passed on two turns later. */
const TURNS = 4;

/** The delays between checks of a tree that is being ended, in ms. */
const FIRST_LOOK = 2;
const LONGEST_LOOK = 250;
