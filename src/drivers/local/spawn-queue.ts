import type { Clock } from '../../contract/clock.js';

/** How long one turn of the event loop may be spent on spawning, in ms. Each spawn blocks for about one. */
const TURN = 8;

/** Runs jobs first in, first out, in turns short enough that hundreds of starts never block the event loop. */
export class SpawnQueue {
  readonly #clock: Clock;
  #jobs: (() => void)[] = [];
  #next = 0;
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `job` in a later turn. */
  push(job: () => void): void {
    this.#jobs.push(job);
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
    while (this.#next < this.#jobs.length) {
      const job = this.#jobs[this.#next]!;
      this.#next += 1;
      job();
      if (this.#clock.now() >= until) break;
    }
    if (this.#next < this.#jobs.length) return this.#schedule();
    this.#jobs = [];
    this.#next = 0;
  }
}
