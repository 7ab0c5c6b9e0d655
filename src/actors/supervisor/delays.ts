import type { Clock } from '../../contract/clock.js';

/** The delays of a supervisor before it retries a child. They are cancelled with the engine that requested them. */
export class Delays {
  readonly #clock: Clock;
  readonly #over: (sweep: number) => void;
  readonly #waiting = new Map<object, unknown>();

  /** `over` is called with the number of the sweep whose delay is over. */
  constructor(clock: Clock, over: (sweep: number) => void) {
    this.#clock = clock;
    this.#over = over;
  }

  /** Even a delay of 0 yields the turn: a child that fails at once must not starve the others (R8). */
  begin(sweep: number, ms: number): void {
    const handle = {};
    const end = (): void => {
      if (this.#waiting.delete(handle)) this.#over(sweep);
    };
    this.#waiting.set(handle, undefined);
    if (ms <= 0) this.#clock.defer(end);
    else this.#waiting.set(handle, this.#clock.setTimeout(end, ms));
  }

  /** Cancels all delays: the next engine numbers its sweeps from 1 again, and a timer would keep the program alive. */
  clear(): void {
    for (const timer of this.#waiting.values()) this.#clock.clearTimeout(timer);
    this.#waiting.clear();
  }
}
