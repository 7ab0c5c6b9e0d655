/**
 * The number of messages that libzmq queues for one peer (ZMQ_SNDHWM). libzmq counts messages and not bytes, so the queue is short. Four keep its
 * thread busy while the peer reads.
 */
export const SEND_QUEUE = 4;

/** The queued messages, and the one that is being written to the connection. */
const HELD_MESSAGES = SEND_QUEUE + 1;

/** A connection that takes no byte for so long is closed by the kernel (TCP_USER_TIMEOUT), and libzmq frees its queue, in ms. */
export const STALLED_FOR = 30_000;

/** A message that was passed to libzmq longer ago than this was sent, or its connection was closed, in ms. */
const EXPIRES = STALLED_FOR + 15_000;

/** The bytes that libzmq may hold for all peers together; above that, for each further peer. */
const MAX_HELD_BYTES = { all: 256 * 1024 * 1024, share: 1024 * 1024 };

/** Peers that get only messages below this size are not tracked: `HELD_MESSAGES` of them are small. */
const LARGE = 4096;

const SWEEP_EVERY = 1_000;

interface TakenMessages {
  /** The sizes of the last `HELD_MESSAGES` messages that libzmq took, the oldest first. */
  readonly sizes: number[];
  bytes: number;
  at: number;
}

/**
 * An upper bound of the bytes that libzmq holds, by peer. Its queue is first in, first out, with room for `SEND_QUEUE` messages: so the messages that it
 * holds are among the last `HELD_MESSAGES` that it took. The queue itself bounds one peer to `HELD_MESSAGES` messages; this class bounds all peers together.
 */
export class SendWindow {
  readonly #taken = new Map<string, TakenMessages>();
  #total = 0;
  #sweepAt = 0;

  /** The upper bound for all peers. */
  get bytes(): number {
    return this.#total;
  }

  /** True when libzmq may hold large messages for the peer. */
  tracks(name: string): boolean {
    return this.#taken.has(name);
  }

  /** Must be called for each message that libzmq took. */
  add(name: string, bytes: number, now: number = performance.now()): void {
    const taken = this.#taken.get(name) ?? (bytes < LARGE ? null : this.#open(name));
    if (taken === null) return;
    taken.sizes.push(bytes);
    const left = taken.sizes.length > HELD_MESSAGES ? (taken.sizes.shift() ?? 0) : 0;
    taken.at = now;
    taken.bytes += bytes - left;
    this.#total += bytes - left;
    if (taken.bytes < LARGE) this.release(name);
  }

  /** The queue of the peer is empty: the peer has read everything, or has gone. */
  release(name: string): void {
    this.#total -= this.#taken.get(name)?.bytes ?? 0;
    this.#taken.delete(name);
  }

  /** True when no further message may be passed to libzmq for this peer now. */
  isFull(name: string, now: number = performance.now()): boolean {
    if (this.#total < MAX_HELD_BYTES.all) return false;
    this.#sweep(now);
    return this.#total >= MAX_HELD_BYTES.all && (this.#taken.get(name)?.bytes ?? 0) >= MAX_HELD_BYTES.share;
  }

  #open(name: string): TakenMessages {
    const taken: TakenMessages = { sizes: [], bytes: 0, at: 0 };
    this.#taken.set(name, taken);
    return taken;
  }

  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_EVERY;
    for (const [name, { at }] of this.#taken) if (now - at > EXPIRES) this.release(name);
  }
}
