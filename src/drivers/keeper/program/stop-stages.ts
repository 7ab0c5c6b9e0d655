/**
 * The stages of a stop that the program above asks for, each with its distance from the one before:
 *
 * 1. The keeper is stopped (SIGSTOP), or its machine is too busy to run it.
 * 2. The program asks the agent to end, waits as long as the agent may take, and has it killed.
 * 3. The keeper runs again and reads both at once: the agent gets its time now.
 */
export class StopStages {
  readonly #timers = new Set<NodeJS.Timeout>();
  #due = Number.NEGATIVE_INFINITY;

  /** Calls `stage` when `after` ms have passed since the one before; at once when they have, or nearly. */
  run(after: number, stage: () => void): void {
    const now = performance.now();
    this.#due = Math.max(now, this.#due + after);
    if (this.#due - now < TOLERANCE) return stage();
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      stage();
    }, this.#due - now);
    this.#timers.add(timer);
  }

  /** Drops those that are not due: the agent has ended. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** How much closer two stages may come by the ways of their messages, in ms. */
const TOLERANCE = 100;
