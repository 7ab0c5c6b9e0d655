/**
 * The number of messages that libzmq queues for one peer (ZMQ_SNDHWM). libzmq counts messages and not bytes, so the queue is short. Four keep its
 * thread busy while the peer reads.
 */
export const SEND_QUEUE = 4;

/** The queued messages, and the one that is being written to the connection. */
const HELD = SEND_QUEUE + 1;

/** A connection that takes no byte for so long is closed by the kernel (TCP_USER_TIMEOUT), and libzmq frees its queue, in ms. */
export const STALLED_FOR = 30_000;

/** A message that was passed to libzmq longer ago than this was sent, or its connection was closed, in ms. */
const EXPIRES = STALLED_FOR + 15_000;

/** The bytes that libzmq may hold for all peers together; above that, for each further peer. */
const MAX_HELD = { all: 256 * 1024 * 1024, share: 1024 * 1024 };

/** Peers that get only messages below this size are not tracked: `HELD` of them are small. */
const LARGE = 4096;

const SWEEP_EVERY = 1_000;

interface Handed {
  /** The sizes of the last `HELD` messages that libzmq took, the oldest first. */
  readonly sizes: number[];
  bytes: number;
  at: number;
}

/**
 * An upper bound of the bytes that libzmq holds, by peer. Its queue is first in, first out, with room for `SEND_QUEUE` messages: so the messages that it
 * holds are among the last `HELD` that it took. The queue itself bounds one peer to `HELD` messages; this class bounds all peers together.
 */
export class SendWindow {
  readonly #handed = new Map<string, Handed>();
  #total = 0;
  #sweepAt = 0;

  /** The upper bound for all peers. */
  get bytes(): number {
    return this.#total;
  }

  /** True when libzmq may hold large messages for the peer. */
  tracks(name: string): boolean {
    return this.#handed.has(name);
  }

  /** Must be called for each message that libzmq took. */
  add(name: string, bytes: number, now: number = performance.now()): void {
    const handed = this.#handed.get(name) ?? (bytes < LARGE ? null : this.#open(name));
    if (handed === null) return;
    handed.sizes.push(bytes);
    const left = handed.sizes.length > HELD ? (handed.sizes.shift() ?? 0) : 0;
    handed.at = now;
    handed.bytes += bytes - left;
    this.#total += bytes - left;
    if (handed.bytes < LARGE) this.release(name);
  }

  /** The queue of the peer is empty: the peer has read everything, or has gone. */
  release(name: string): void {
    this.#total -= this.#handed.get(name)?.bytes ?? 0;
    this.#handed.delete(name);
  }

  /** True when no further message may be passed to libzmq for this peer now. */
  isFull(name: string, now: number = performance.now()): boolean {
    if (this.#total < MAX_HELD.all) return false;
    this.#sweep(now);
    return this.#total >= MAX_HELD.all && (this.#handed.get(name)?.bytes ?? 0) >= MAX_HELD.share;
  }

  #open(name: string): Handed {
    const handed: Handed = { sizes: [], bytes: 0, at: 0 };
    this.#handed.set(name, handed);
    return handed;
  }

  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_EVERY;
    for (const [name, { at }] of this.#handed) if (now - at > EXPIRES) this.release(name);
  }
}
