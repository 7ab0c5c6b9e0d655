import { setImmediate as nextRound } from 'node:timers/promises';
import type { Router } from 'zeromq';
import type { Unsent } from './unsent-bytes.js';

/** What it costs to keep a message, besides its bytes. */
const OVERHEAD = 1024;

/** How many bytes may wait for one peer that does not keep up, and for all of them. */
const MAX_WAITING = { one: 64 * 1024 * 1024, all: 128 * 1024 * 1024 };

/** With so many bytes waiting for it a peer is not asked what else it wants: the answers to what was begun must find room. */
const ENOUGH = MAX_WAITING.one / 4;

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

/** What waits for one peer, and how much would be too much, in bytes. */
export interface Room {
  readonly waiting: number;
  readonly max: number;
}

interface Letter {
  readonly peer: Peer;
  readonly frames: Buffer[];
  readonly bytes: number;
}

/** A peer for which something waits, or that did not read. */
interface Peer {
  readonly name: string;
  /** What the socket did not take at once. */
  readonly held: Letter[];
  /** Of all that waits for it, held or in line. */
  bytes: number;
  /** When it took the last message, or began not to. */
  since: number;
  deaf: boolean;
}

/**
 * The one way out of a ROUTER socket. Sends stand in line, because zeromq.js allows one at a time; none ever waits for a peer:
 * 1. the socket takes the message, or
 * 2. the peer's queue is full, by messages (EAGAIN) or by bytes (see `Unsent`): the message waits here, within bounds, and is tried again in order, or
 * 3. the peer has gone, or takes nothing for `PATIENCE`: its messages are dropped and counted.
 */
export class Outbox {
  readonly #socket: Router;
  readonly #unsent: Unsent;
  readonly #relieved: (peer: string) => void;
  readonly #peers = new Map<string, Peer>();
  #line: Letter[] = [];
  #pumping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #pause = RETRY.first;
  #bytes = 0;
  #sent = 0;
  #dropped = 0;

  /** `relieved` is told of each peer that was blocked and is not any more. */
  constructor(socket: Router, unsent: Unsent, relieved: (peer: string) => void) {
    this.#socket = socket;
    this.#unsent = unsent;
    this.#relieved = relieved;
  }

  get stats(): OutboxStats {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  /** Queues one message for the peer that its first frame names. Never throws, never waits. */
  send(name: string, frames: Buffer[]): void {
    const peer = this.#peers.get(name) ?? this.#meet(name);
    const letter = { peer, frames, bytes: sizeOf(frames) };
    peer.bytes += letter.bytes;
    this.#bytes += letter.bytes;
    this.#line.push(letter);
    this.#pumping ??= this.#pump();
    if (this.#bytes > MAX_WAITING.all) this.#makeRoom();
  }

  /** As `send`, unless more would wait for the peer than may; one message always may. Returns the room that it does not fit into. */
  offer(name: string, frames: Buffer[]): Room | null {
    const waiting = this.#peers.get(name)?.bytes ?? 0;
    if (waiting === 0 || waiting + sizeOf(frames) <= MAX_WAITING.one) {
      this.send(name, frames);
      return null;
    }
    this.#dropped++;
    return { waiting, max: MAX_WAITING.one };
  }

  /** True while messages wait for a peer that does not take them, or too many. */
  isBlocked(name: string): boolean {
    const peer = this.#peers.get(name);
    return peer !== undefined && isBlocked(peer);
  }

  /** Resolves when nothing is in line any more. */
  async handedOver(): Promise<void> {
    await nextRound();
    await this.#pumping;
  }

  /** Resolves when all that the peers take at once is handed over. What still waits is dropped. */
  async close(): Promise<void> {
    await this.#pumping;
    clearTimeout(this.#timer);
    for (const peer of [...this.#peers.values()]) await this.#relieve(peer);
    for (const peer of this.#peers.values()) this.#drop(peer);
    this.#peers.clear();
  }

  #meet(name: string): Peer {
    const peer: Peer = { name, held: [], bytes: 0, since: 0, deaf: false };
    this.#peers.set(name, peer);
    return peer;
  }

  /** All answers of a round of the event loop go together: libzmq wakes its own thread once for them, not once for each. */
  async #pump(): Promise<void> {
    await nextRound();
    while (this.#line.length > 0) {
      const letters = this.#line;
      this.#line = [];
      for (const letter of letters) {
        // What is held goes first.
        const taken = letter.peer.held.length === 0 && (await this.#hand(letter));
        if (taken) this.#done(letter);
        else this.#hold(letter);
      }
    }
    this.#pumping = null;
  }

  /** False when the peer's queue is full. */
  async #hand(letter: Letter, again = true): Promise<boolean> {
    const { frames, peer } = letter;
    if (this.#unsent.isFull(peer.name)) return false;
    try {
      await this.#socket.send(frames);
      this.#unsent.add(peer.name, frames.at(-1));
      this.#sent++;
    } catch (thrown) {
      // EBUSY: a send that was begun elsewhere is not over.
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EBUSY') return false;
      // A send may not have looked for a millisecond what peers have read meanwhile; to ask whether the socket is writable is to look.
      if (code === 'EAGAIN') return again && this.#socket.writable && this.#hand(letter, false);
      this.#dropped++;
    }
    return true;
  }

  /** It reads, or it has gone. */
  #done({ peer, bytes }: Letter): void {
    const wasBlocked = isBlocked(peer);
    this.#forgetBytes(peer, bytes);
    peer.deaf = false;
    if (peer.bytes === 0) this.#peers.delete(peer.name);
    if (wasBlocked && !isBlocked(peer)) this.#relieved(peer.name);
  }

  #hold(letter: Letter): void {
    const { peer } = letter;
    if (peer.held.length === 0) peer.since = performance.now();
    if (peer.deaf) {
      this.#dropped++;
      return this.#forgetBytes(peer, letter.bytes);
    }
    peer.held.push(letter);
    this.#pause = RETRY.first;
    this.#timer ??= setTimeout(() => this.#retry(), this.#pause);
  }

  /** Who has taken nothing for the longest time is the least likely to read on. */
  #makeRoom(): void {
    const [first, ...others] = [...this.#peers.values()].filter(({ held }) => held.length > 0);
    if (first !== undefined)
      this.#giveUp(others.reduce((worst, peer) => (peer.since < worst.since ? peer : worst), first));
  }

  async #retry(): Promise<void> {
    // Pumped messages and these must not overtake each other.
    await this.#pumping;
    let taken = false;
    for (const peer of [...this.#peers.values()]) taken = (await this.#relieve(peer)) || taken;
    this.#pause = taken ? RETRY.first : Math.min(2 * this.#pause, RETRY.last);
    this.#timer = this.#peers.size === 0 ? undefined : setTimeout(() => this.#retry(), this.#pause);
  }

  /** True when it took something. */
  async #relieve(peer: Peer): Promise<boolean> {
    let taken = false;
    for (let next = peer.held[0]; next !== undefined; next = peer.held[0]) {
      if (!(await this.#hand(next))) break;
      // It may have been given up meanwhile, to make room.
      if (peer.held[0] !== next) return taken;
      taken = true;
      peer.since = performance.now();
      peer.held.shift();
      this.#done(next);
      if (peer.held.length === 0 && !isBlocked(peer)) this.#relieved(peer.name);
    }
    this.#lookAt(peer, performance.now() - peer.since);
    return taken;
  }

  /** Gives up a peer that has not read for too long; forgets one that was given up and has been left alone since. */
  #lookAt(peer: Peer, waited: number): void {
    if (peer.held.length > 0 && waited > PATIENCE) this.#giveUp(peer);
    else if (peer.deaf && peer.bytes === 0 && waited > DEAF_FOR) this.#peers.delete(peer.name);
  }

  #giveUp(peer: Peer): void {
    this.#drop(peer);
    peer.deaf = true;
    peer.since = performance.now();
    this.#relieved(peer.name);
  }

  #drop(peer: Peer): void {
    this.#dropped += peer.held.length;
    for (const { bytes } of peer.held.splice(0)) this.#forgetBytes(peer, bytes);
  }

  #forgetBytes(peer: Peer, bytes: number): void {
    peer.bytes -= bytes;
    this.#bytes -= bytes;
  }
}

function isBlocked({ held, bytes }: Peer): boolean {
  return held.length > 0 || bytes >= ENOUGH;
}

function sizeOf(frames: readonly Buffer[]): number {
  let bytes = OVERHEAD;
  for (const frame of frames) bytes += frame.length;
  return bytes;
}

/** The name of a peer by its routing id. */
export function nameOf(routingId: Buffer | undefined): string {
  return routingId?.toString('latin1') ?? '';
}
