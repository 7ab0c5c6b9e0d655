import { clearInterval, setInterval } from 'node:timers';
import { SupertreeError } from '../errors.js';

/** What a clock that moves on command tells of itself. */
export interface HeldTime {
  now(): number;
  /** How many timers and deferred callbacks wait for it to move. */
  held(): number;
  /** The time of the earliest timer; `null` when there is none. */
  nextAt(): number | null;
}

/** A clock that stood still at so many looks in a row is moved by nobody. A machine that is too busy to look is not taken for that. */
const LOOKS = 20;

/**
 * Finds operations that wait for a clock which nobody moves, such as `await tree.start()` before the first `advance()`. They would never
 * settle: a program of its own would end with exit code 13, a test would run into its time limit without a word about the cause.
 */
export class StallWatch {
  readonly #clock: HeldTime;
  readonly #interval: number;
  readonly #waiting = new Set<WaitingOperation>();
  #timer: NodeJS.Timeout | null = null;
  #looks = 0;

  /** `patience`: real milliseconds; Infinity for a clock that watches nothing. */
  constructor(clock: HeldTime, patience: number) {
    this.#clock = clock;
    this.#interval = patience / LOOKS;
  }

  /** The clock was moved, or what it had deferred was run. */
  moved(): void {
    this.#looks = 0;
  }

  /** Settles as `operation` does, or rejects with CLOCK_STALLED when it waits for the clock and nobody moves it. */
  guard<T>(what: string, operation: Promise<T>): Promise<T> {
    if (this.#interval === Number.POSITIVE_INFINITY) return operation;
    const { promise, resolve, reject } = withResolvers<T>();
    const waiting: WaitingOperation = {
      what,
      abandon(error) {
        // An operation that nobody awaits is no unhandled rejection.
        promise.catch(ignore);
        reject(error);
      },
    };
    this.#add(waiting);
    operation.then(resolve, reject).finally(() => this.#remove(waiting));
    return promise;
  }

  #add(waiting: WaitingOperation): void {
    this.#waiting.add(waiting);
    this.#looks = 0;
    this.#timer ??= setInterval(() => this.#look(), this.#interval);
    this.#timer.ref();
  }

  #remove(waiting: WaitingOperation): void {
    this.#waiting.delete(waiting);
    if (this.#waiting.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** What waits while the clock holds nothing waits for something else, which has to keep the program alive by itself. */
  #look(): void {
    const held = this.#clock.held();
    if (held === 0) {
      this.#looks = 0;
      this.#timer?.unref();
    } else {
      this.#timer?.ref();
      if (++this.#looks >= LOOKS) this.#abandonAll(held);
    }
  }

  #abandonAll(held: number): void {
    this.#looks = 0;
    const next = this.#clock.nextAt();
    const due = next === null ? 'now' : `in ${next - this.#clock.now()} ms`;
    for (const waiting of [...this.#waiting]) {
      this.#remove(waiting);
      waiting.abandon(new SupertreeError('CLOCK_STALLED', { what: waiting.what, held, due }));
    }
  }
}

interface WaitingOperation {
  readonly what: string;
  abandon(error: SupertreeError): void;
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

function ignore(): void {}
