import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Smaller messages are not counted: those that libzmq keeps for one peer come to a megabyte. */
const LARGE = 4096;

/** How many bytes libzmq may hold for one peer, and for all; above that, for one more. */
const MAX_UNSENT = { one: 128 * 1024 * 1024, all: 256 * 1024 * 1024, share: 1024 * 1024 };

/** Between two collections, in ms. */
const PAUSE = 1_000;

interface Handed {
  readonly name: string;
  readonly bytes: number;
}

/**
 * How much of what was handed to libzmq it still holds, by peer. libzmq counts messages and tells nobody of bytes, but it holds a large
 * message by the very buffer that it was given (zeromq.js, outgoing_msg.cc): a buffer that was collected has left. So until the next
 * collection the count may be too high; it is never too low.
 */
export class Unsent {
  readonly #held = new Map<string, number>();
  readonly #left = new FinalizationRegistry<Handed>(({ name, bytes }) => this.#add(name, -bytes));
  #total = 0;
  #collectedAt = Number.NEGATIVE_INFINITY;

  /** To be called with each frame that libzmq took. */
  add(name: string, frame: Buffer | undefined): void {
    if (frame === undefined || frame.length < LARGE) return;
    this.#left.register(frame, { name, bytes: frame.length });
    this.#add(name, frame.length);
  }

  /** True when no more may be handed over for this peer. Then it sees to it that the count is right soon. */
  isFull(name: string): boolean {
    const held = this.#held.get(name) ?? 0;
    const full = held >= MAX_UNSENT.one || (this.#total >= MAX_UNSENT.all && held >= MAX_UNSENT.share);
    if (full) this.#collect(performance.now());
    return full;
  }

  #collect(now: number): void {
    if (now - this.#collectedAt < PAUSE) return;
    collectGarbage();
    this.#collectedAt = now;
  }

  #add(name: string, bytes: number): void {
    const held = (this.#held.get(name) ?? 0) + bytes;
    if (held === 0) this.#held.delete(name);
    else this.#held.set(name, held);
    this.#total += bytes;
  }
}

/** Node has no other way to ask for a collection; it is asked for only where a peer has a hundred megabytes before it. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
