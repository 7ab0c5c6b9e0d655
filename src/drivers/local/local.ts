import type { Clock } from '../../contract/clock.js';
import { SupertreeError } from '../../errors.js';
import type { Driver, Incarnation, Sink, StartOrder } from '../driver.js';
import { reapOrphansIfFirst } from '../orphans.js';
import { Census } from './census.js';
import { killAtExit } from './exit-hook.js';
import { type DriverContext, ProcessIncarnation } from './incarnation.js';
import { LookQueue } from './look-queue.js';
import { OomDetector } from './oom.js';
import { SpawnQueue } from './spawn-queue.js';
import { afterLooks } from './watched-tree.js';

export interface LocalDriverOptions {
  /** The times in facts, and the delays between checks of a tree that is being ended. */
  readonly clock: Clock;
  /** Called with problems that belong to no agent. If not given, they are ignored. */
  readonly report?: (problem: string) => void;
}

/**
 * The driver that runs each agent as a child of this process, in a session of its own. When this program ends by itself, by process.exit() or by an
 * uncaught error, all agents are killed with it; when this program is killed, they are not. Throws PLATFORM on a system without Linux's /proc.
 */
export function createLocalDriver(options: LocalDriverOptions): Driver {
  if (process.platform !== 'linux') throw new SupertreeError('PLATFORM', { platform: process.platform });
  return new LocalDriver(options);
}

class LocalDriver implements Driver {
  readonly #clock: Clock;
  readonly #report: (problem: string) => void;
  readonly #living = new Set<ProcessIncarnation>();
  readonly #queue: SpawnQueue;
  #context: DriverContext | undefined;
  #closing: Promise<void> | undefined;
  #allEnded: (() => void) | undefined;
  #leaveExit: (() => void) | undefined;

  constructor({ clock, report = () => {} }: LocalDriverOptions) {
    this.#clock = clock;
    this.#report = report;
    this.#queue = new SpawnQueue(clock);
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    const incarnation = new ProcessIncarnation(order, sink, this.#sharedContext());
    if (this.#living.size === 0) this.#leaveExit = killAtExit(() => this.#killAll());
    this.#living.add(incarnation);
    if (this.#closing) this.#clock.defer(() => incarnation.refuse('the driver is closed'));
    else this.#queue.push(() => incarnation.run(), order.incarnation === 1);
    return incarnation;
  }

  whenCaughtUp(done: () => void): void {
    afterLooks(
      () => [...this.#living].flatMap(({ tree }) => tree ?? []),
      () => this.#sharedContext().looks,
      done,
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#endAll();
    return this.#closing;
  }

  /** Made at the first start: a census reads all of /proc, and a tree may never be started. */
  #sharedContext(): DriverContext {
    if (this.#context !== undefined) return this.#context;
    reapOrphansIfFirst(this.#report);
    const census = new Census();
    this.#context = {
      clock: this.#clock,
      census,
      looks: new LookQueue(this.#clock, census),
      oom: new OomDetector(),
      ended: (incarnation) => this.#ended(incarnation),
    };
    return this.#context;
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

  #killAll(): boolean {
    this.#context?.census.touch();
    return [...this.#living].map((incarnation) => incarnation.tree?.killNow() ?? true).every(Boolean);
  }

  #ended(incarnation: ProcessIncarnation): void {
    this.#living.delete(incarnation);
    if (this.#living.size > 0) return;
    this.#leaveExit?.();
    this.#allEnded?.();
  }
}
