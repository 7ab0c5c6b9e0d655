import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../contract/clock.js';
import type { Driver, Incarnation, Sink, StartOrder } from '../driver.js';
import { InProcessBody, type InProcessHost } from './in-process-body.js';
import { LogicIncarnation } from './logic.js';
import { TaskIncarnation } from './task.js';

export interface InProcessOptions {
  readonly clock: Clock;
  /** Called with errors of user code that do not end the body, such as in a listener of `onInput`. If not given, they are only on its standard error. */
  readonly report?: (path: string, problem: string) => void;
}

/**
 * The driver of bodies that run in this process: `task` and `logic`. It sets no timers. A body of another type is a SPAWN_FAILED. Bodies share this
 * process: one that blocks it blocks the whole tree.
 */
export function createInProcessDriver(options: InProcessOptions): Driver {
  return new InProcessDriver(options);
}

/** The number of turns of the event loop in which an aborted task may end when the driver closes. */
const CLOSING_TURNS = 10;

class InProcessDriver implements Driver, InProcessHost {
  readonly clock: Clock;
  readonly report: (path: string, problem: string) => void;
  readonly #living = new Set<InProcessBody>();
  #closed = false;

  constructor(options: InProcessOptions) {
    this.clock = options.clock;
    this.report = options.report ?? (() => {});
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    const body = this.#closed ? new NoBody('the driver is closed', order, sink, this) : this.#bodyOf(order, sink);
    this.#living.add(body);
    this.clock.defer(() => body.launch());
    return body;
  }

  /** Stops every logic and aborts every task, and gives them a few turns to end. A task that does not end is abandoned. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const body of [...this.#living]) body.endNow();
    let turns = 0;
    do await nextTurn();
    while (this.#living.size > 0 && ++turns < CLOSING_TURNS);
  }

  forget(body: InProcessBody): void {
    this.#living.delete(body);
  }

  #bodyOf(order: StartOrder, sink: Sink): InProcessBody {
    const { body } = order.spec;
    switch (body.type) {
      case 'task':
        return new TaskIncarnation(body.task, order, sink, this);
      case 'logic':
        return new LogicIncarnation(body, order, sink, this);
      case 'command':
        return new NoBody('a command does not run in this process', order, sink, this);
    }
  }
}

/** A body that cannot run: its launch is a SPAWN_FAILED with the reason. */
class NoBody extends InProcessBody {
  protected readonly remainder = '';
  protected readonly reads = false;
  readonly #reason: string;

  constructor(reason: string, order: StartOrder, sink: Sink, host: InProcessHost) {
    super(order, sink, host);
    this.#reason = reason;
  }

  protected prepare(): void {
    throw new Error(this.#reason);
  }

  protected run(): void {}

  protected end(): void {}

  protected receive(): void {}
}
