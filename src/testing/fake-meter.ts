import type { ProcessTimes } from '../drivers/driver.js';

/** The resources that a fake body uses. */
export interface FakeUsage {
  /** Bytes of memory. If not given, as before; at first 0. */
  readonly memory?: number;
  /** Percent of one core. If not given, as before; at first 0. */
  readonly cpu?: number;
}

/** Counts the cpu time and the memory of one fake body. Times are milliseconds of its clock. */
export class FakeMeter {
  readonly #start: number;
  #since: number;
  #used = 0;
  #memory = 0;
  #cpu = 0;

  constructor(now: number) {
    this.#start = now;
    this.#since = now;
  }

  /** Changes what is used from now on. */
  use({ memory, cpu }: FakeUsage, now: number): void {
    this.#used = this.read(now).ctime;
    this.#since = now;
    this.#memory = memory ?? this.#memory;
    this.#cpu = cpu ?? this.#cpu;
  }

  read(now: number): ProcessTimes {
    const ctime = this.#used + ((now - this.#since) * this.#cpu) / 100;
    return { ctime, elapsed: now - this.#start, memory: this.#memory };
  }
}
