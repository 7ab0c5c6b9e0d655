import { setImmediate as nextRound } from 'node:timers/promises';
import type { Router } from 'zeromq';

/** How much may wait for one peer that does not keep up, and for all of them. */
const MAX_WAITING = { messages: 4096, bytes: 64 * 1024 * 1024, allBytes: 128 * 1024 * 1024 };

/** A peer that took nothing for so long, in ms, loses what waits for it. From then on an answer that it does not take at once is dropped. */
const PATIENCE = 5_000;

/** How long it is remembered that a peer does not read, in ms after the last answer that it did not take. */
const DEAF_FOR = 60_000;

/** Between two tries, in ms: a peer that only has much to read is soon ready, one that does not read is not worth the work. */
const RETRY = { first: 1, last: 50 };

export interface OutboxStats {
  readonly sent: number;
  /** Messages for peers that had gone, or that did not read. */
  readonly dropped: number;
}

interface Waiting {
  readonly frames: Buffer[];
  readonly bytes: number;
}

/** A peer that did not take a message at once. */
interface Peer {
  readonly list: Waiting[];
  bytes: number;
  /** When it took the last message, or began not to. */
  since: number;
  deaf: boolean;
}

/**
 * The one way out of a ROUTER socket. Sends stand in line, because zeromq.js allows one at a time; none ever waits for a peer:
 * 1. the socket takes the message, or
 * 2. the peer's queue is full (EAGAIN): the message waits here, within bounds, and is tried again in order, or
 * 3. the peer has gone, or takes nothing for `PATIENCE`: its messages are dropped and counted.
 */
export class Outbox {
  readonly #socket: Router;
  readonly #relieved: (peer: string) => void;
  readonly #line: Buffer[][] = [];
  readonly #peers = new Map<string, Peer>();
  #pumping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pause = RETRY.first;
  #bytes = 0;
  #sent = 0;
  #dropped = 0;

  /** `relieved` is told of each peer for which nothing waits any more. */
  constructor(socket: Router, relieved: (peer: string) => void = () => {}) {
    this.#socket = socket;
    this.#relieved = relieved;
  }

  get stats(): OutboxStats {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  /** Queues one message; its first frame names the peer. Never throws, never waits. */
  send(frames: Buffer[]): void {
    // Mostly everybody keeps up, and then a name need not be made.
    const peer = this.#peers.size === 0 ? undefined : this.#peers.get(nameOf(frames[0]));
    if (peer !== undefined && peer.list.length > 0) return this.#hold(peer, frames);
    this.#line.push(frames);
    this.#pumping ??= this.#pump();
  }

  /** True while messages wait for a peer. */
  isBlocked(peer: string): boolean {
    return (this.#peers.get(peer)?.list.length ?? 0) > 0;
  }

  /** Resolves when all that the peers take at once is handed over. What still waits is dropped. */
  async close(): Promise<void> {
    await this.#pumping;
    clearTimeout(this.#timer);
    for (const [name, peer] of [...this.#peers]) await this.#relieve(name, peer);
    for (const peer of this.#peers.values()) this.#drop(peer);
    this.#peers.clear();
  }

  /** All answers of a round of the event loop go together: libzmq wakes its own thread once for them, not once for each. */
  async #pump(): Promise<void> {
    await nextRound();
    for (let frames = this.#line.shift(); frames !== undefined; frames = this.#line.shift()) {
      if ((await this.#offer(frames)) === 'full') this.#wait(frames);
      // It reads again, or it has gone.
      else if (this.#peers.size > 0 && !this.isBlocked(nameOf(frames[0]))) this.#peers.delete(nameOf(frames[0]));
    }
    this.#pumping = null;
  }

  async #offer(frames: Buffer[]): Promise<'done' | 'full'> {
    try {
      await this.#socket.send(frames);
      this.#sent++;
    } catch (thrown) {
      // EBUSY: an endpoint of the socket is being unbound.
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EAGAIN' || code === 'EBUSY') return 'full';
      this.#dropped++;
    }
    return 'done';
  }

  #wait(frames: Buffer[]): void {
    const name = nameOf(frames[0]);
    const now = performance.now();
    const peer = this.#peers.get(name) ?? { list: [], bytes: 0, since: now, deaf: false };
    this.#peers.set(name, peer);
    if (peer.deaf) {
      peer.since = now;
      this.#dropped++;
      return;
    }
    if (peer.list.length === 0) peer.since = now;
    this.#hold(peer, frames);
    this.#pause = RETRY.first;
    this.#timer ??= setTimeout(() => this.#retry(), this.#pause);
  }

  #hold(peer: Peer, frames: Buffer[]): void {
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (peer.list.length >= MAX_WAITING.messages || peer.bytes + bytes > MAX_WAITING.bytes) {
      this.#dropped++;
      return;
    }
    peer.list.push({ frames, bytes });
    peer.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes > MAX_WAITING.allBytes) this.#makeRoom();
  }

  /** Who has taken nothing for the longest time is the least likely to read on. */
  #makeRoom(): void {
    let worst: [string, Peer] | null = null;
    for (const entry of this.#peers) {
      if (entry[1].list.length > 0 && (worst === null || entry[1].since < worst[1].since)) worst = entry;
    }
    if (worst !== null) this.#giveUp(...worst);
  }

  async #retry(): Promise<void> {
    // Pumped messages and these must not overtake each other.
    await this.#pumping;
    let taken = false;
    for (const [name, peer] of [...this.#peers]) taken = (await this.#relieve(name, peer)) || taken;
    this.#pause = taken ? RETRY.first : Math.min(2 * this.#pause, RETRY.last);
    this.#timer = this.#peers.size === 0 ? undefined : setTimeout(() => this.#retry(), this.#pause);
  }

  /** True when it took something. */
  async #relieve(name: string, peer: Peer): Promise<boolean> {
    if (peer.deaf) {
      if (performance.now() - peer.since > DEAF_FOR) this.#peers.delete(name);
      return false;
    }
    let taken = false;
    for (let next = peer.list[0]; next !== undefined; next = peer.list[0]) {
      if ((await this.#offer(next.frames)) === 'full') break;
      // It may have been given up meanwhile, to make room.
      if (peer.list[0] !== next) return taken;
      peer.list.shift();
      peer.bytes -= next.bytes;
      this.#bytes -= next.bytes;
      peer.since = performance.now();
      taken = true;
    }
    if (peer.list.length === 0) {
      this.#peers.delete(name);
      this.#relieved(name);
    } else if (performance.now() - peer.since > PATIENCE) this.#giveUp(name, peer);
    return taken;
  }

  #giveUp(name: string, peer: Peer): void {
    this.#drop(peer);
    peer.deaf = true;
    peer.since = performance.now();
    this.#relieved(name);
  }

  #drop(peer: Peer): void {
    this.#dropped += peer.list.length;
    this.#bytes -= peer.bytes;
    peer.bytes = 0;
    peer.list.length = 0;
  }
}

/** The name of a peer by its routing id. */
export function nameOf(routingId: Buffer | undefined): string {
  return routingId?.toString('latin1') ?? '';
}
