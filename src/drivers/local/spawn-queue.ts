import type { Clock } from '../../contract/clock.js';

/** How long one turn of the event loop may be spent on spawning, in ms. Each spawn blocks for about one. */
const TURN = 8;

/**
 * Runs jobs in turns short enough that hundreds of starts never block the event loop. First starts come before restarts, so that agents that crash
 * repeatedly do not delay one that has not run yet; each kind is first in, first out. With a `limit` so many jobs run at a time, each until `done` is called.
 */
export class SpawnQueue {
  readonly #clock: Clock;
  readonly #first = new Line();
  readonly #again = new Line();
  readonly #limit: number;
  #running = 0;
  #scheduled = false;

  /** If `limit` is not given, the number of jobs that run at a time is not limited. */
  constructor(clock: Clock, limit: number = Number.POSITIVE_INFINITY) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** A job is over. */
  done(): void {
    this.#running--;
    if (this.#first.size + this.#again.size > 0) this.#schedule();
  }

  /** Runs `job` in a later turn. `isFirst`: it starts an agent that has not run before. */
  push(job: () => void, isFirst: boolean): void {
    (isFirst ? this.#first : this.#again).push(job);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    const until = this.#clock.now() + TURN;
    while (this.#running < this.#limit && this.#clock.now() < until) {
      const job = this.#next();
      if (job === undefined) return;
      this.#running++;
      job();
    }
    if (this.#running < this.#limit) this.#schedule();
  }

  #next(): (() => void) | undefined {
    return this.#first.shift() ?? this.#again.shift();
  }
}

/** A first-in, first-out queue in constant time for each operation. */
class Line {
  #jobs: (() => void)[] = [];
  #taken = 0;

  get size(): number {
    return this.#jobs.length - this.#taken;
  }

  push(job: () => void): void {
    this.#jobs.push(job);
  }

  shift(): (() => void) | undefined {
    const job = this.#jobs[this.#taken];
    if (job === undefined) return undefined;
    this.#taken += 1;
    if (this.size === 0) {
      this.#jobs = [];
      this.#taken = 0;
    }
    return job;
  }
}
