export interface WatchOptions {
  /** After so many ms without a message the server is probed; after as long again it counts as gone. */
  readonly idle: number;
  /** Whether there are pending requests. Without any, nothing is watched. */
  readonly hasPending: () => boolean;
  /** Probes the server. */
  readonly probe: () => void;
  /** The pending requests will not be answered on this connection. */
  readonly lost: (reason: 'silent' | 'held up') => void;
}

/** The interval of the checks while there are pending requests, in ms. */
const TICK = 1_000;

/**
 * A process that did not run for so long, in ms (stopped by SIGSTOP, or blocked by one task), did not read either: a server drops the answers of a
 * peer that reads nothing for 5 s.
 */
const STALL_THRESHOLD = 3_000;

/** How long messages that arrived in the meantime may take to be read first, in ms. */
const READ_DELAY = 250;

/**
 * Detects two failures that the connection does not report: 1. the other end has vanished, which TCP notices after many minutes; 2. this process did
 * not read for so long that the server dropped answers: the connection is intact, later requests are answered, and the dropped answers never come.
 */
export class ConnectionWatch {
  readonly #options: WatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #checkDue = 0;
  #messageAt = 0;
  /** When the server was probed; `null` when it has sent any message since. */
  #probedAt: number | null = null;
  #wasStalled = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** A request was sent. */
  sent(): void {
    if (this.#timer !== undefined) return;
    this.#messageAt = performance.now();
    this.#schedule(this.#tick);
  }

  /** A message arrived. */
  received(): void {
    this.#messageAt = performance.now();
    this.#probedAt = null;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#probedAt = null;
    this.#wasStalled = false;
  }

  get #tick(): number {
    return Math.min(TICK, this.#options.idle);
  }

  #schedule(ms: number): void {
    this.#checkDue = performance.now() + ms;
    this.#timer = setTimeout(() => this.#check(), ms);
  }

  #check(): void {
    const { idle, hasPending, probe, lost } = this.#options;
    if (!hasPending()) return this.stop();
    if (this.#wasStalled) return lost('held up');
    const now = performance.now();
    this.#wasStalled = now - this.#checkDue > STALL_THRESHOLD;
    if (this.#wasStalled) return this.#schedule(READ_DELAY);
    if (this.#probedAt !== null && now - this.#probedAt >= idle) return lost('silent');
    this.#schedule(this.#tick);
    if (this.#probedAt !== null || now - this.#messageAt < idle) return;
    this.#probedAt = now;
    probe();
  }
}
