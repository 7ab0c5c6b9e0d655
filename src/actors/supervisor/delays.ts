import type { Clock } from '../../contract/clock.js';

/** The delays that a supervisor waits for before it tries a child again. They die with the engine that asked for them. */
export class Delays {
  readonly #clock: Clock;
  readonly #due: (sweep: number) => void;
  readonly #waiting = new Map<object, unknown>();

  /** `due` is called with the number of the sweep whose delay is over. */
  constructor(clock: Clock, due: (sweep: number) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Also a delay of 0 yields the turn: a child that fails at once must not starve the others (R8). */
  begin(sweep: number, ms: number): void {
    const ticket = {};
    const over = (): void => {
      if (this.#waiting.delete(ticket)) this.#due(sweep);
    };
    this.#waiting.set(ticket, undefined);
    if (ms <= 0) this.#clock.defer(over);
    else this.#waiting.set(ticket, this.#clock.setTimeout(over, ms));
  }

  /** None of them is told any more: the next engine counts its sweeps from 1 again, and a timer would keep the program alive. */
  clear(): void {
    for (const timer of this.#waiting.values()) this.#clock.clearTimeout(timer);
    this.#waiting.clear();
  }
}
