import { send } from '../local/signals.js';
import { readStat } from '../proc/proc.js';

/** The process of a keeper, as its session sees it. */
export interface RunningKeeper {
  /** The program is connected: from now on the process does not keep the program alive. */
  detach(): void;
  /** How it has ended, as a part of a sentence; `null` when it has not within so many ms. */
  endedWithin(timeout: number): Promise<string | null>;
  /** Resolves when it has ended. After `patience` ms it is killed; if not given, at once. */
  end(patience?: number): Promise<void>;
}

/** The keeper of an earlier program: no child of this one, so its end is looked for. */
export class InheritedKeeper implements RunningKeeper {
  readonly #pid: number;
  readonly #startTicks: number | undefined;

  constructor(pid: number) {
    this.#pid = pid;
    this.#startTicks = readStat(pid)?.startTicks;
  }

  detach(): void {}

  async endedWithin(timeout: number): Promise<string | null> {
    for (const until = performance.now() + timeout; this.#isAlive(); await pause())
      if (performance.now() >= until) return null;
    return 'it has ended';
  }

  async end(patience = 0): Promise<void> {
    for (let how = await this.endedWithin(patience); how === null; how = await this.endedWithin(PERIOD))
      send(this.#pid, 'SIGKILL');
  }

  #isAlive(): boolean {
    const stat = readStat(this.#pid);
    return stat !== undefined && stat.startTicks === this.#startTicks && stat.state !== 'Z';
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PERIOD));
}

const PERIOD = 10;
