import type { Clock } from '../contract/clock.js';

/** The part of a clock that a wheel uses. */
export type WheelClock = Pick<Clock, 'now' | 'setTimeout' | 'clearTimeout'>;

interface Entry {
  readonly due: number;
  readonly fire: () => void;
}

/**
 * One timer for any number of waits. Waits of similar length end together: the end of each is rounded up by at most an eighth of its length, so that
 * the ends of all waits fall into a few hundred slots, whatever their number. Without waits there is no timer. The timer does not keep the program alive.
 */
export class TimingWheel {
  readonly #clock: WheelClock;
  readonly #onProblem: (thrown: unknown) => void;
  readonly #slots = new Map<number, Set<Entry>>();
  #timer: { readonly due: number; readonly handle: unknown } | null = null;

  /** `onProblem` is called with what a callback has thrown. */
  constructor(clock: WheelClock, onProblem: (thrown: unknown) => void) {
    this.#clock = clock;
    this.#onProblem = onProblem;
  }

  /** Calls `fire` once, later: after `ms` (at once when that is negative), and at most an eighth of it later. Returns a function that cancels it. */
  after(ms: number, fire: () => void): () => void {
    const wait = Math.max(0, ms);
    const slot = slotSize(wait);
    const due = Math.ceil((this.#clock.now() + wait) / slot) * slot;
    const entry = { due, fire };
    const entries = this.#slots.get(due) ?? new Set();
    this.#slots.set(due, entries.add(entry));
    this.#arm(due);
    return () => this.#cancel(entry);
  }

  #cancel(entry: Entry): void {
    const entries = this.#slots.get(entry.due);
    if (entries?.delete(entry) !== true || entries.size > 0) return;
    this.#slots.delete(entry.due);
    if (this.#slots.size === 0) this.#disarm();
  }

  #arm(due: number): void {
    if (this.#timer !== null && this.#timer.due <= due) return;
    this.#disarm();
    const handle = this.#clock.setTimeout(() => this.#turn(), due - this.#clock.now());
    (handle as { unref?: () => void } | undefined)?.unref?.();
    this.#timer = { due, handle };
  }

  #disarm(): void {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer.handle);
    this.#timer = null;
  }

  #turn(): void {
    this.#timer = null;
    const now = this.#clock.now();
    const due = [...this.#slots.keys()].filter((at) => at <= now).sort((a, b) => a - b);
    for (const at of due) this.#fire(at);
    if (this.#slots.size > 0) this.#arm(Math.min(...this.#slots.keys()));
  }

  /** A callback may cancel others of the same slot. */
  #fire(at: number): void {
    const entries = this.#slots.get(at);
    for (const entry of entries ?? []) {
      this.#cancel(entry);
      try {
        entry.fire();
      } catch (thrown) {
        this.#onProblem(thrown);
      }
    }
  }
}

/** The greatest power of two that is at most an eighth of `ms`, and at least 1. */
function slotSize(ms: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(ms / 8)));
}
