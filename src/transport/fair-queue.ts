import { type Limits, TokenBucket } from '../control/limits.js';
import { SupertreeError } from '../errors.js';

/** One request: answers, and resolves when it has. It must not reject. */
export type Work = () => Promise<void>;

export interface FairQueueOptions {
  readonly limits: Limits;
  /** True while a peer does not take its answers: then its requests wait, and `wake` is called when it does again. */
  readonly isBlocked: (peer: string) => boolean;
}

interface Request {
  readonly work: Work;
  readonly bytes: number;
}

interface Lane {
  readonly peer: string;
  readonly bucket: TokenBucket;
  readonly queue: Request[];
  /** Requests that were begun and are not answered. */
  running: number;
  /** Of all requests that are not answered. */
  bytes: number;
  /** It stands in the line of those whose turn comes. */
  inLine: boolean;
}

/** Bytes of waiting requests of all peers. Above it nobody may have more than `FAIR_SHARE` waiting. */
const MAX_BYTES = 256 * 1024 * 1024;
const FAIR_SHARE = 1024 * 1024;

/** How long requests are begun one after another before everything else of the process gets its turn, in ms. */
const SLICE = 8;

/**
 * The order in which requests are begun: one of each peer in turn, so that a peer with a thousand requests delays one with a single
 * request by one request. Each peer is held to its limits. A request is begun at once as long as nobody waits.
 */
export class FairQueue {
  readonly #limits: Limits;
  readonly #isBlocked: (peer: string) => boolean;
  readonly #lanes = new Map<string, Lane>();
  readonly #line: Lane[] = [];
  /** How many lanes there may be before those that nobody uses are forgotten. */
  #sweepAt = SWEEP_FROM;
  #bytes = 0;
  #sliceEnds: number | null = null;
  #closed = false;

  constructor({ limits, isBlocked }: FairQueueOptions) {
    this.#limits = limits;
    this.#isBlocked = isBlocked;
  }

  /** How many peers are remembered. */
  get peers(): number {
    return this.#lanes.size;
  }

  /** Takes in a request that came at `now`. Answers with RATE_LIMITED or TOO_MANY_REQUESTS, and nothing is done, when the peer has reached a limit. */
  enter(peer: string, bytes: number, work: Work, now: number = performance.now()): SupertreeError | null {
    const lane = this.#lanes.get(peer) ?? this.#open(peer, now);
    const refusal = this.#judge(lane, bytes, now);
    if (refusal !== null) return refusal;
    lane.queue.push({ work, bytes });
    lane.bytes += bytes;
    this.#bytes += bytes;
    this.#standInLine(lane);
    this.#run();
    return null;
  }

  /** The peer takes answers again. */
  wake(peer: string): void {
    const lane = this.#lanes.get(peer);
    if (lane !== undefined) this.#standInLine(lane);
    this.#run();
  }

  /** What has not begun never will. */
  close(): void {
    this.#closed = true;
    this.#line.length = 0;
    this.#lanes.clear();
  }

  #judge(lane: Lane, bytes: number, now: number): SupertreeError | null {
    const { rate, burst, inFlight, inFlightBytes } = this.#limits;
    const retryAfter = lane.bucket.take(now);
    if (retryAfter > 0) return new SupertreeError('RATE_LIMITED', { limit: 'limits.rate', rate, burst, retryAfter });
    const count = lane.queue.length + lane.running;
    if (count >= inFlight) return tooMany(count, 'requests', 'limits.in_flight', inFlight);
    const allowed = this.#bytes > MAX_BYTES ? Math.min(FAIR_SHARE, inFlightBytes) : inFlightBytes;
    if (count === 0 || lane.bytes + bytes <= allowed) return null;
    return tooMany(lane.bytes, 'bytes of requests', 'limits.in_flight_bytes', allowed);
  }

  #open(peer: string, now: number): Lane {
    if (this.#lanes.size >= this.#sweepAt) this.#sweep(now);
    const bucket = new TokenBucket(this.#limits.rate, this.#limits.burst, now);
    const lane: Lane = { peer, bucket, queue: [], running: 0, bytes: 0, inLine: false };
    this.#lanes.set(peer, lane);
    return lane;
  }

  /** A ROUTER does not tell who has gone: a peer without requests whose bucket is full is as good as a new one. */
  #sweep(now: number): void {
    for (const [peer, lane] of this.#lanes) {
      if (lane.queue.length + lane.running === 0 && lane.bucket.isFull(now)) this.#lanes.delete(peer);
    }
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#lanes.size);
  }

  #standInLine(lane: Lane): void {
    if (lane.inLine || lane.queue.length === 0) return;
    lane.inLine = true;
    this.#line.push(lane);
  }

  /** The first to come in a round of the event loop begins a slice; what is left at its end is begun in the next round. */
  #run(): void {
    if (this.#sliceEnds === null) {
      this.#sliceEnds = performance.now() + SLICE;
      setImmediate(() => {
        this.#sliceEnds = null;
        if (!this.#closed && this.#line.length > 0) this.#run();
      });
    }
    while (this.#line.length > 0 && performance.now() < this.#sliceEnds) this.#next();
  }

  #next(): void {
    const lane = this.#line.shift();
    if (lane === undefined) return;
    lane.inLine = false;
    if (this.#isBlocked(lane.peer)) return;
    const request = lane.queue.shift();
    if (request === undefined) return;
    this.#standInLine(lane);
    lane.running++;
    void this.#do(lane, request);
  }

  async #do(lane: Lane, { work, bytes }: Request): Promise<void> {
    await work();
    lane.running--;
    lane.bytes -= bytes;
    this.#bytes -= bytes;
  }
}

const SWEEP_FROM = 1024;

function tooMany(count: number, what: string, limit: string, max: number): SupertreeError {
  return new SupertreeError('TOO_MANY_REQUESTS', { count, what, limit, max });
}
