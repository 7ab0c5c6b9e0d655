import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bareSpawn } from './bare.js';

/** The floor of a supervisor: a child that ends is spawned again in its exit handler, a turn later. It counts nothing and never gives up. */
export class BareSupervisor {
  readonly #children: (ChildProcess | null)[] = [];
  readonly #onReady: () => void;

  /** `onReady` is called whenever a child runs. */
  constructor(onReady: () => void) {
    this.#onReady = onReady;
  }

  /** Spawns one of each in each turn of the event loop. */
  async start(commands: readonly (readonly string[])[]): Promise<void> {
    for (const [at, command] of commands.entries()) {
      this.#fill(at, command);
      await nextTurn();
    }
  }

  /** Asks these to end, and resolves when all are reaped. */
  async stop(places: readonly number[], signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const children = places.flatMap((at) => this.#children[at] ?? []);
    for (const at of places) this.#children[at] = null;
    const reaped = children.filter(isAlive).map((child) => once(child, 'exit'));
    for (const child of children) child.kill(signal);
    await Promise.all(reaped);
  }

  pids(): number[] {
    return this.#children.flatMap((child) => child?.pid ?? []);
  }

  #fill(at: number, command: readonly string[]): void {
    const child = bareSpawn(this.#onReady, command);
    this.#children[at] = child;
    child.once('exit', () => setImmediate(() => this.#children[at] === child && this.#fill(at, command)));
  }
}

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
