import { SupertreeError } from '../../errors.js';
import type { Clock } from '../clock.js';
import type { Driver, Incarnation, Sink, StartOrder } from '../driver.js';
import { Census } from './census.js';
import { ProcessIncarnation, type Workshop } from './incarnation.js';
import { OomWitness } from './oom.js';
import { SpawnQueue } from './spawn-queue.js';

export interface LocalDriverOptions {
  /** The times in facts, and the delays between looks at a tree that is being ended. */
  readonly clock: Clock;
}

/**
 * The driver that runs each agent as a child of this process, in a session of its own. When this program ends by itself, by
 * process.exit() or by an uncaught error, all agents are killed with it; when it is killed, they are not: that is the keeper's part.
 * Throws PLATFORM where there is no Linux /proc.
 */
export function createLocalDriver(options: LocalDriverOptions): Driver {
  if (process.platform !== 'linux') throw new SupertreeError('PLATFORM', { platform: process.platform });
  return new LocalDriver(options.clock);
}

class LocalDriver implements Driver {
  readonly #living = new Set<ProcessIncarnation>();
  readonly #queue: SpawnQueue;
  readonly #shop: Workshop;
  readonly #onExit = () => killAll([...this.#living], this.#shop.census);
  #closing: Promise<void> | undefined;
  #allEnded: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#queue = new SpawnQueue(clock);
    this.#shop = {
      clock,
      census: new Census(),
      oom: new OomWitness(),
      ended: (incarnation) => this.#ended(incarnation),
    };
    process.on('exit', this.#onExit);
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    const incarnation = new ProcessIncarnation(order, sink, this.#shop);
    this.#living.add(incarnation);
    if (this.#closing) this.#shop.clock.defer(() => incarnation.refuse('the driver is closed'));
    else this.#queue.push(() => incarnation.run());
    return incarnation;
  }

  close(): Promise<void> {
    this.#closing ??= this.#endAll().then(() => {
      process.removeListener('exit', this.#onExit);
    });
    return this.#closing;
  }

  #endAll(): Promise<void> {
    if (this.#living.size === 0) return Promise.resolve();
    for (const incarnation of this.#living) {
      incarnation.kill();
      incarnation.drain();
    }
    return new Promise((resolve) => {
      this.#allEnded = resolve;
    });
  }

  #ended(incarnation: ProcessIncarnation): void {
    this.#living.delete(incarnation);
    if (this.#living.size === 0) this.#allEnded?.();
  }
}

/**
 * The program is about to end: there is no later. What forks while it is being killed is found by the next round; the pause
 * between rounds gives the kernel the time to end what was killed.
 */
function killAll(living: readonly ProcessIncarnation[], census: Census): void {
  for (let round = 0; round < EXIT_ROUNDS; round += 1) {
    census.touch();
    if (living.map((incarnation) => incarnation.killAtExit()).every(Boolean)) return;
    Atomics.wait(pause, 0, 0, 1);
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));
const EXIT_ROUNDS = 200;
