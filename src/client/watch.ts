export interface WatchOptions {
  /** A server that is silent for so long, in ms, is asked whether it is there; after as long again it counts as gone. */
  readonly idle: number;
  /** Whether answers are owed. While none are, nothing is watched. */
  readonly isOwed: () => boolean;
  /** Asks the server whether it is there. */
  readonly ask: () => void;
  /** The answers that are owed will not come on this connection. */
  readonly lost: (reason: 'silent' | 'held up') => void;
}

/** How often it is looked while answers are owed, in ms. */
const TICK = 1_000;

/**
 * A process that did not run for so long, in ms (stopped by SIGSTOP, or busy with one thing), did not read either: a server drops the answers of a
 * peer that takes nothing for 5 s.
 */
const HELD_UP = 3_000;

/** What has come meanwhile is taken in first: how long that may take, in ms. */
const CATCH_UP = 250;

/**
 * Notices what a connection does not tell: that the other end has vanished, which TCP notices after many minutes, and that this end did not read
 * for so long that answers were dropped, which nobody would ever notice: the server is there, and answers what is asked from then on.
 */
export class Watch {
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;
  #heard = 0;
  /** When the server was asked; `null` when it has answered since, whatever that was. */
  #asked: number | null = null;
  #wasHeldUp = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Something was sent that will be answered. */
  sent(): void {
    if (this.#timer !== undefined) return;
    this.#heard = performance.now();
    this.#schedule(this.#tick);
  }

  /** Something came. */
  heard(): void {
    this.#heard = performance.now();
    this.#asked = null;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asked = null;
    this.#wasHeldUp = false;
  }

  get #tick(): number {
    return Math.min(TICK, this.#options.idle);
  }

  #schedule(ms: number): void {
    this.#due = performance.now() + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const { idle, isOwed, ask, lost } = this.#options;
    if (!isOwed()) return this.stop();
    if (this.#wasHeldUp) return lost('held up');
    const now = performance.now();
    this.#wasHeldUp = now - this.#due > HELD_UP;
    if (this.#wasHeldUp) return this.#schedule(CATCH_UP);
    if (this.#asked !== null && now - this.#asked >= idle) return lost('silent');
    this.#schedule(this.#tick);
    if (this.#asked !== null || now - this.#heard < idle) return;
    this.#asked = now;
    ask();
  }
}
