import { setImmediate as nextRound } from 'node:timers/promises';
import type { Router } from 'zeromq';
import { RetrySchedule } from './retry-schedule.js';
import type { SendWindow } from './send-window.js';

/** The memory that a queued message takes besides its bytes. */
const OVERHEAD = 1024;

/** The most bytes that may wait for one peer that does not keep up, and for all peers. */
const MAX_WAITING = { one: 64 * 1024 * 1024, all: 128 * 1024 * 1024 };

/** With so many bytes waiting, no further request of the peer is started: the answers to those that are running must have room. */
const BLOCKED_FROM = MAX_WAITING.one / 4;

/** A peer that reads nothing for so long, in ms, loses its waiting answers. From then on, answers that it does not take at once are dropped. */
const READ_TIMEOUT = 10_000;

/** For how long a peer is remembered as not reading, in ms after the last answer that it did not take. */
const FORGET_AFTER = 60_000;

/** For how long requests are received, or answers sent, in one round of the event loop, in ms: a flood must not block what else the process does. */
export const SLICE = 8;

/** The most bytes of small answers that are joined in one message. */
const MAX_JOINED = 64 * 1024;

export interface OutboxStats {
  readonly sent: number;
  /** Answers that were dropped because their peer had gone or did not read. */
  readonly dropped: number;
}

/** Where an answer goes. */
export interface Recipient {
  readonly connection: string;
  /** The frames before the answer. */
  readonly envelope: readonly Buffer[];
  /** True when the peer reads several answers from one message. */
  readonly joins: boolean;
}

/** The bytes that wait for one peer, and their limit. */
export interface Backlog {
  readonly waiting: number;
  readonly max: number;
}

interface QueuedMessage {
  readonly peer: Peer;
  readonly frames: Buffer[];
  bytes: number;
  answers: number;
  /** Further answers may be joined to it until it is passed to the socket. */
  open: boolean;
}

/** A peer with waiting messages, or one that did not read. */
interface Peer {
  readonly name: string;
  /** Messages that the socket did not take at once. */
  readonly held: QueuedMessage[];
  /** The newest message to which further answers can be joined. */
  last: QueuedMessage | null;
  /** The size of all messages that wait for it. */
  bytes: number;
  /** When it took the last message, or stopped taking any. */
  since: number;
  deaf: boolean;
}

/**
 * The only sender of a ROUTER socket. Sends are queued, because zeromq.js allows one at a time; none waits for a peer:
 * 1. the socket takes the message, or
 * 2. the peer's queue is full (EAGAIN), or libzmq holds too much for all peers (see `SendWindow`): the message waits here, within limits, and is
 *    retried in order, or
 * 3. the peer has gone, or reads nothing for `READ_TIMEOUT`: its messages are dropped and counted.
 */
export class Outbox {
  /** The present socket. */
  socket: Router;
  readonly #window: SendWindow;
  readonly #unblocked: (peer: string) => void;
  readonly #peers = new Map<string, Peer>();
  #queue: QueuedMessage[] = [];
  #pumping: Promise<void> | null = null;
  readonly #retries = new RetrySchedule(() => void this.#retry());
  #retrying = false;
  #closed = false;
  #bytes = 0;
  #sent = 0;
  #dropped = 0;

  /** `unblocked` is called with each peer that was blocked and no longer is. */
  constructor(socket: Router, window: SendWindow, unblocked: (peer: string) => void) {
    this.socket = socket;
    this.#window = window;
    this.#unblocked = unblocked;
  }

  get stats(): OutboxStats {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  /**
   * Queues one answer, unless the limit of the peer would be exceeded: then it is dropped, and the room that was too small is returned. A single answer is
   * always accepted, and so is any when `always` is true. Never throws, never waits.
   */
  send(to: Recipient, answer: Buffer, always = false): Backlog | null {
    const name = to.connection;
    const peer = this.#peers.get(name) ?? { name, held: [], last: null, bytes: 0, since: 0, deaf: false };
    if (!always && peer.bytes > 0 && peer.bytes + OVERHEAD + answer.length > MAX_WAITING.one) {
      this.#dropped++;
      return { waiting: peer.bytes, max: MAX_WAITING.one };
    }
    this.#peers.set(name, peer);
    if (!to.joins || !this.#join(peer, answer)) this.#enqueue(peer, to, answer);
    if (this.#bytes > MAX_WAITING.all) this.#makeRoom();
    return null;
  }

  /** The bytes that wait here for a peer. */
  waitingFor(name: string): number {
    return this.#peers.get(name)?.bytes ?? 0;
  }

  /** True while messages wait because the peer does not take them, or too many bytes wait. */
  isBlocked(name: string): boolean {
    const peer = this.#peers.get(name);
    return peer !== undefined && isBlocked(peer);
  }

  /** Resolves when the send queue is empty. */
  async handedOver(): Promise<void> {
    await nextRound();
    await this.#pumping;
  }

  /** Resolves when every message that the peers take at once was passed to the socket. Messages that still wait are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pumping;
    this.#retries.cancel();
    for (const peer of [...this.#peers.values()]) await this.#flush(peer);
    for (const peer of this.#peers.values()) this.#drop(peer);
    this.#peers.clear();
  }

  #enqueue(peer: Peer, { envelope, joins }: Recipient, answer: Buffer): void {
    let bytes = OVERHEAD + answer.length;
    for (const frame of envelope) bytes += frame.length;
    const message: QueuedMessage = { peer, frames: [...envelope, answer], bytes, answers: 1, open: joins };
    peer.last = joins ? message : null;
    this.#count(peer, bytes);
    this.#queue.push(message);
    this.#pumping ??= this.#pump();
  }

  /** False when there is no message with room for it. */
  #join(peer: Peer, answer: Buffer): boolean {
    const { last } = peer;
    if (last === null || !last.open || last.bytes + answer.length > MAX_JOINED) return false;
    last.frames.push(answer);
    last.answers++;
    last.bytes += answer.length;
    this.#count(peer, answer.length);
    return true;
  }

  #count(peer: Peer, bytes: number): void {
    peer.bytes += bytes;
    this.#bytes += bytes;
  }

  /** Sends all answers of a round of the event loop together: libzmq then wakes its own thread once, not for each answer. */
  async #pump(): Promise<void> {
    await nextRound();
    let until = performance.now() + SLICE;
    while (this.#queue.length > 0) {
      const messages = this.#queue;
      this.#queue = [];
      for (const message of messages) {
        if (performance.now() >= until) {
          await nextRound();
          until = performance.now() + SLICE;
        }
        // Earlier messages that the socket refused go first.
        const taken = message.peer.held.length === 0 && (await this.#pass(message));
        if (taken) this.#done(message);
        else this.#hold(message);
      }
    }
    this.#pumping = null;
  }

  /** False when the peer's queue is full. */
  async #pass(message: QueuedMessage, again = true): Promise<boolean> {
    const { frames, peer } = message;
    if (this.#window.isFull(peer.name)) return false;
    message.open = false;
    try {
      await this.socket.send(frames);
      this.#window.add(peer.name, message.bytes);
      this.#sent += message.answers;
    } catch (thrown) {
      // EBUSY: another send is under way.
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'EBUSY') return false;
      // A send may use a view of the peers' queues that is a millisecond old; reading `writable` updates it.
      if (code === 'EAGAIN') return again && this.socket.writable && this.#pass(message, false);
      this.#window.release(peer.name);
      this.#dropped += message.answers;
    }
    return true;
  }

  /** The message was taken, or its peer has gone. */
  #done({ peer, bytes }: QueuedMessage): void {
    const wasBlocked = isBlocked(peer);
    this.#count(peer, -bytes);
    peer.deaf = false;
    if (peer.bytes === 0) this.#peers.delete(peer.name);
    if (wasBlocked && !isBlocked(peer)) this.#unblocked(peer.name);
  }

  #hold(message: QueuedMessage): void {
    const { peer } = message;
    if (peer.held.length === 0) peer.since = performance.now();
    if (peer.deaf) {
      this.#dropped += message.answers;
      return this.#count(peer, -message.bytes);
    }
    message.open = message === peer.last;
    peer.held.push(message);
    // A peer that took everything until now is retried at once.
    if (peer.held.length === 1) this.#retries.hurry();
    if (!this.#retrying && (!this.#retries.isPending || peer.held.length === 1)) this.#retries.plan();
  }

  /** Gives up the peer that has read nothing for the longest time: it is the least likely to read again. */
  #makeRoom(): void {
    const [first, ...others] = [...this.#peers.values()].filter(({ held }) => held.length > 0);
    if (first !== undefined)
      this.#giveUp(others.reduce((worst, peer) => (peer.since < worst.since ? peer : worst), first));
  }

  async #retry(): Promise<void> {
    this.#retrying = true;
    // Retried messages and those of the send queue must not overtake each other.
    await this.#pumping;
    let taken = false;
    for (const peer of [...this.#peers.values()]) taken = (await this.#flush(peer)) || taken;
    if (taken) this.#retries.hurry();
    this.#retrying = false;
    if (this.#peers.size > 0 && !this.#closed) this.#retries.plan();
  }

  /** True when the peer took a message. */
  async #flush(peer: Peer): Promise<boolean> {
    let taken = false;
    for (let next = peer.held[0]; next !== undefined; next = peer.held[0]) {
      if (!(await this.#pass(next))) break;
      // The peer may have been given up meanwhile, to make room.
      if (peer.held[0] !== next) return taken;
      taken = true;
      peer.since = performance.now();
      peer.held.shift();
      this.#done(next);
      if (peer.held.length === 0 && !isBlocked(peer)) this.#unblocked(peer.name);
    }
    this.#expire(peer, performance.now() - peer.since);
    return taken;
  }

  /** Gives up a peer that has not read for too long; forgets one that was given up and got no further answers for a while. */
  #expire(peer: Peer, waited: number): void {
    if (peer.held.length > 0 && waited > READ_TIMEOUT) this.#giveUp(peer);
    else if (peer.deaf && peer.bytes === 0 && waited > FORGET_AFTER) this.#peers.delete(peer.name);
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
      this.#count(peer, -bytes);
    }
    peer.last = null;
  }
}

function isBlocked({ held, bytes }: Peer): boolean {
  return held.length > 0 || bytes >= BLOCKED_FROM;
}
