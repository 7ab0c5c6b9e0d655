import { setImmediate as nextRound } from 'node:timers/promises';
import type { Router } from 'zeromq';
import { RetrySchedule } from './retry-schedule.js';
import type { SendWindow } from './send-window.js';

/** What it costs to keep a message, besides its bytes. */
const OVERHEAD = 1024;

/** How many bytes may wait for one peer that does not keep up, and for all of them. */
const MAX_WAITING = { one: 64 * 1024 * 1024, all: 128 * 1024 * 1024 };

/** With so many bytes waiting for it a peer is not asked what else it wants: the answers to what was begun must find room. */
const ENOUGH = MAX_WAITING.one / 4;

/** A peer that took nothing for so long, in ms, loses what waits for it. From then on an answer that it does not take at once is dropped. */
const PATIENCE = 10_000;

/** How long it is remembered that a peer does not read, in ms after the last answer that it did not take. */
const DEAF_FOR = 60_000;

/** So many bytes of small answers may be joined in one message. */
const MAX_JOINED = 64 * 1024;

export interface OutboxStats {
  readonly sent: number;
  /** Answers for peers that had gone, or that did not read. */
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
  bytes: number;
  answers: number;
  /** Further answers may be joined to it as long as it is not handed over. */
  open: boolean;
}

/** A peer for which something waits, or that did not read. */
interface Peer {
  readonly name: string;
  /** What the socket did not take at once. */
  readonly held: Letter[];
  /** The newest message that further answers can be joined to. */
  last: Letter | null;
  /** Of all that waits for it, held or in line. */
  bytes: number;
  /** When it took the last message, or began not to. */
  since: number;
  deaf: boolean;
}

/**
 * The one way out of a ROUTER socket. Sends stand in line, because zeromq.js allows one at a time; none ever waits for a peer:
 * 1. the socket takes the message, or
 * 2. the peer's queue is full (EAGAIN), or libzmq holds too much for all peers (see `SendWindow`): the message waits here, within bounds, and is tried again in order, or
 * 3. the peer has gone, or takes nothing for `PATIENCE`: its messages are dropped and counted.
 */
export class Outbox {
  readonly #socket: () => Router;
  readonly #window: SendWindow;
  readonly #unblocked: (peer: string) => void;
  readonly #peers = new Map<string, Peer>();
  #line: Letter[] = [];
  #pumping: Promise<void> | null = null;
  readonly #retries = new RetrySchedule(() => void this.#retry());
  #retrying = false;
  #closed = false;
  #bytes = 0;
  #sent = 0;
  #dropped = 0;

  /** `socket` is the one to send with now. `unblocked` is called with each peer that was blocked and is not any more. */
  constructor(socket: () => Router, window: SendWindow, unblocked: (peer: string) => void) {
    this.#socket = socket;
    this.#window = window;
    this.#unblocked = unblocked;
  }

  get stats(): OutboxStats {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  /** Queues one answer for a peer behind its envelope. `joins`: the peer reads several answers from one message. Never throws, never waits. */
  send(name: string, envelope: readonly Buffer[], answer: Buffer, joins = false): void {
    const peer = this.#peers.get(name) ?? this.#meet(name);
    if (!joins || !this.#join(peer, answer)) this.#queue(peer, envelope, answer, joins);
    if (this.#bytes > MAX_WAITING.all) this.#makeRoom();
  }

  /** As `send`, unless more would wait for the peer than may; one answer always may. Returns the room that it does not fit into. */
  offer(name: string, envelope: readonly Buffer[], answer: Buffer, joins = false): Room | null {
    const waiting = this.waitingFor(name);
    if (waiting === 0 || waiting + OVERHEAD + answer.length <= MAX_WAITING.one) {
      this.send(name, envelope, answer, joins);
      return null;
    }
    this.#dropped++;
    return { waiting, max: MAX_WAITING.one };
  }

  /** Bytes that wait here for a peer. */
  waitingFor(name: string): number {
    return this.#peers.get(name)?.bytes ?? 0;
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
    this.#closed = true;
    await this.#pumping;
    this.#retries.cancel();
    for (const peer of [...this.#peers.values()]) await this.#relieve(peer);
    for (const peer of this.#peers.values()) this.#drop(peer);
    this.#peers.clear();
  }

  #meet(name: string): Peer {
    const peer: Peer = { name, held: [], last: null, bytes: 0, since: 0, deaf: false };
    this.#peers.set(name, peer);
    return peer;
  }

  #queue(peer: Peer, envelope: readonly Buffer[], answer: Buffer, joins: boolean): void {
    const frames = [...envelope, answer];
    const letter: Letter = { peer, frames, bytes: sizeOf(frames), answers: 1, open: joins };
    peer.last = joins ? letter : null;
    this.#charge(peer, letter.bytes);
    this.#line.push(letter);
    this.#pumping ??= this.#pump();
  }

  /** False when there is no message with room for it. */
  #join(peer: Peer, answer: Buffer): boolean {
    const { last } = peer;
    if (last === null || !last.open || last.bytes + answer.length > MAX_JOINED) return false;
    last.frames.push(answer);
    last.answers++;
    last.bytes += answer.length;
    this.#charge(peer, answer.length);
    return true;
  }

  #charge(peer: Peer, bytes: number): void {
    peer.bytes += bytes;
    this.#bytes += bytes;
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
    if (this.#window.isFull(peer.name)) return false;
    letter.open = false;
    try {
      await this.#socket().send(frames);
      this.#window.add(peer.name, letter.bytes);
      this.#sent += letter.answers;
    } catch (thrown) {
      // EBUSY: a send that was begun elsewhere is not over.
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EBUSY') return false;
      // A send may not have looked for a millisecond what peers have read meanwhile; to ask whether the socket is writable is to look.
      if (code === 'EAGAIN') return again && this.#socket().writable && this.#hand(letter, false);
      this.#window.release(peer.name);
      this.#dropped += letter.answers;
    }
    return true;
  }

  /** It reads, or it has gone. */
  #done({ peer, bytes }: Letter): void {
    const wasBlocked = isBlocked(peer);
    this.#discharge(peer, bytes);
    peer.deaf = false;
    if (peer.bytes === 0) this.#peers.delete(peer.name);
    if (wasBlocked && !isBlocked(peer)) this.#unblocked(peer.name);
  }

  #hold(letter: Letter): void {
    const { peer } = letter;
    if (peer.held.length === 0) peer.since = performance.now();
    if (peer.deaf) {
      this.#dropped += letter.answers;
      return this.#discharge(peer, letter.bytes);
    }
    letter.open = letter === peer.last;
    peer.held.push(letter);
    // A peer that took everything until now is tried again at once.
    if (peer.held.length === 1) this.#retries.hurry();
    if (!this.#retrying && (!this.#retries.isPending || peer.held.length === 1)) this.#retries.plan();
  }

  /** Who has taken nothing for the longest time is the least likely to read on. */
  #makeRoom(): void {
    const [first, ...others] = [...this.#peers.values()].filter(({ held }) => held.length > 0);
    if (first !== undefined)
      this.#giveUp(others.reduce((worst, peer) => (peer.since < worst.since ? peer : worst), first));
  }

  async #retry(): Promise<void> {
    this.#retrying = true;
    // Pumped messages and these must not overtake each other.
    await this.#pumping;
    let taken = false;
    for (const peer of [...this.#peers.values()]) taken = (await this.#relieve(peer)) || taken;
    if (taken) this.#retries.hurry();
    this.#retrying = false;
    if (this.#peers.size > 0 && !this.#closed) this.#retries.plan();
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
      if (peer.held.length === 0 && !isBlocked(peer)) this.#unblocked(peer.name);
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
    this.#unblocked(peer.name);
  }

  #drop(peer: Peer): void {
    for (const { bytes, answers } of peer.held.splice(0)) {
      this.#dropped += answers;
      this.#discharge(peer, bytes);
    }
    peer.last = null;
  }

  #discharge(peer: Peer, bytes: number): void {
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
