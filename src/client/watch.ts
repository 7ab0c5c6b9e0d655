export interface WatchOptions {
  /** After so many ms without a message the server is probed; after as long again it counts as gone. */
  readonly idle: number;
  /** Whether there are pending requests. Without any, nothing is watched. */
  readonly isOwed: () => boolean;
  /** Probes the server. */
  readonly ask: () => void;
  /** The pending requests will not be answered on this connection. */
  readonly lost: (reason: 'silent' | 'held up') => void;
}

/** The interval of the checks while there are pending requests, in ms. */
const TICK = 1_000;

/**
 * A process that did not run for so long, in ms (stopped by SIGSTOP, or blocked by one task), did not read either: a server drops the answers of a
 * peer that reads nothing for 5 s.
 */
const HELD_UP = 3_000;

/** How long messages that arrived in the meantime may take to be read first, in ms. */
const CATCH_UP = 250;

/**
 * Detects two failures that the connection does not report: 1. the other end has vanished, which TCP notices after many minutes; 2. this process did
 * not read for so long that the server dropped answers: the connection is intact, later requests are answered, and the dropped answers never come.
 */
export class Watch {
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #checkAt = 0;
  #heard = 0;
  /** When the server was probed; `null` when it has sent any message since. */
  #asked: number | null = null;
  #wasHeldUp = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** A request was sent. */
  sent(): void {
    if (this.#timer !== undefined) return;
    this.#heard = performance.now();
    this.#schedule(this.#tick);
  }

  /** A message arrived. */
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
    this.#checkAt = performance.now() + ms;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const { idle, isOwed, ask, lost } = this.#options;
    if (!isOwed()) return this.stop();
    if (this.#wasHeldUp) return lost('held up');
    const now = performance.now();
    this.#wasHeldUp = now - this.#checkAt > HELD_UP;
    if (this.#wasHeldUp) return this.#schedule(CATCH_UP);
    if (this.#asked !== null && now - this.#asked >= idle) return lost('silent');
    this.#schedule(this.#tick);
    if (this.#asked !== null || now - this.#heard < idle) return;
    this.#asked = now;
    ask();
  }
}
