import type { Clock } from '../../contract/clock.js';
import type { Census, Scan } from './census.js';

/** Work that needs a scan of all processes: it gets one that began after it was pushed. Must not throw. */
type Work = (scan: Scan) => void;

/** How long one turn of the event loop may be spent on waiting work, in ms. */
const TURN = 8;

/** The least rest between two scans, as a multiple of the duration of the last scan. */
const REST = 3;

/**
 * One scan for all waiting work. The cost of a scan grows with the number of processes, so there is no scan for each exit and each stop: stopping N agents
 * would then cost N times N.
 * 1. Work waits until the next scan: at once after a rest.
 * 2. The scan serves all work that was pushed before it, over as many turns of the event loop as that takes.
 * 3. Work that is pushed meanwhile waits for the next scan, because this one began too early to prove anything for it.
 */
export class LookQueue {
  readonly #clock: Clock;
  readonly #census: Census;
  #waiting: Work[] = [];
  #busy = false;
  #restUntil = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, census: Census) {
    this.#clock = clock;
    this.#census = census;
  }

  /** Does `work` in a later turn. */
  push(work: Work): void {
    this.#waiting.push(work);
    if (!this.#busy) this.#schedule();
  }

  #schedule(): void {
    this.#busy = true;
    const rest = this.#restUntil - this.#clock.now();
    if (rest <= 0) this.#clock.defer(() => this.#look());
    else this.#clock.setTimeout(() => this.#look(), rest);
  }

  #look(): void {
    const begin = this.#clock.now();
    const works = this.#waiting;
    this.#waiting = [];
    this.#census.touch();
    const scan = this.#census.scan();
    const end = this.#clock.now();
    this.#restUntil = end + REST * (end - begin);
    this.#serve(works, 0, scan);
  }

  #serve(works: readonly Work[], from: number, scan: Scan): void {
    const until = this.#clock.now() + TURN;
    for (let next = from; next < works.length; next++) {
      if (next > from && this.#clock.now() >= until) return this.#clock.defer(() => this.#serve(works, next, scan));
      works[next]?.(scan);
    }
    this.#busy = false;
    if (this.#waiting.length > 0) this.#schedule();
  }
}
