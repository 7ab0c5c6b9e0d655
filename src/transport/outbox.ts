import type { Router } from 'zeromq';

/** How much may wait for one peer that does not keep up. */
const MAX_WAITING = { messages: 4096, bytes: 16 * 1024 * 1024 };

/** A peer that took nothing for so long, in ms, loses what waits for it. */
const PATIENCE = 5_000;

const RETRY_EVERY = 20;

export interface OutboxStats {
  readonly sent: number;
  /** Messages for peers that had gone, or that did not read. */
  readonly dropped: number;
}

interface Waiting {
  readonly frames: Buffer[];
  readonly bytes: number;
}

interface Peer {
  readonly list: Waiting[];
  bytes: number;
  since: number;
}

/**
 * The one way out of a ROUTER socket. zeromq.js allows one send at a time, so sends stand in line; none ever waits for a peer:
 * 1. the socket takes the message, or
 * 2. the peer's queue is full (EAGAIN): the message waits here, within bounds, and is tried again in order, or
 * 3. the peer has gone, or takes nothing for `PATIENCE`: its messages are dropped and counted.
 */
export class Outbox {
  readonly #socket: Router;
  readonly #line: Buffer[][] = [];
  readonly #peers = new Map<string, Peer>();
  #pumping: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;
  #dropped = 0;

  constructor(socket: Router) {
    this.#socket = socket;
  }

  get stats(): OutboxStats {
    return { sent: this.#sent, dropped: this.#dropped };
  }

  /** Queues one message; its first frame names the peer. Never throws, never waits. */
  send(frames: Buffer[]): void {
    const peer = this.#peers.get(nameOf(frames));
    if (peer !== undefined) return this.#hold(peer, frames);
    this.#line.push(frames);
    this.#pumping ??= this.#pump();
  }

  /** Resolves when all that the peers take at once is handed over. What still waits is dropped. */
  async close(): Promise<void> {
    await this.#pumping;
    clearTimeout(this.#timer);
    for (const name of [...this.#peers.keys()]) this.#forget(name);
  }

  /** Begins with a message in line, so it comes to its end only after `send` has taken note of it. */
  async #pump(): Promise<void> {
    for (let frames = this.#line.shift(); frames !== undefined; frames = this.#line.shift()) {
      if ((await this.#offer(frames)) === 'full') this.#wait(frames);
    }
    this.#pumping = null;
  }

  async #offer(frames: Buffer[]): Promise<'done' | 'full'> {
    try {
      await this.#socket.send(frames);
      this.#sent++;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EAGAIN') return 'full';
      this.#dropped++;
    }
    return 'done';
  }

  #wait(frames: Buffer[]): void {
    const name = nameOf(frames);
    const peer = this.#peers.get(name) ?? { list: [], bytes: 0, since: performance.now() };
    this.#peers.set(name, peer);
    this.#hold(peer, frames);
    this.#timer ??= setTimeout(() => this.#retry(), RETRY_EVERY);
  }

  #hold(peer: Peer, frames: Buffer[]): void {
    const bytes = frames.reduce((sum, frame) => sum + frame.length, 0);
    if (peer.list.length >= MAX_WAITING.messages || peer.bytes + bytes > MAX_WAITING.bytes) {
      this.#dropped++;
      return;
    }
    peer.list.push({ frames, bytes });
    peer.bytes += bytes;
  }

  async #retry(): Promise<void> {
    for (const [name, peer] of [...this.#peers]) await this.#relieve(name, peer);
    this.#timer = this.#peers.size === 0 ? undefined : setTimeout(() => this.#retry(), RETRY_EVERY);
  }

  async #relieve(name: string, peer: Peer): Promise<void> {
    for (let next = peer.list[0]; next !== undefined; next = peer.list[0]) {
      if ((await this.#offer(next.frames)) === 'full') break;
      peer.list.shift();
      peer.bytes -= next.bytes;
      peer.since = performance.now();
    }
    if (peer.list.length === 0 || performance.now() - peer.since > PATIENCE) this.#forget(name);
  }

  #forget(name: string): void {
    this.#dropped += this.#peers.get(name)?.list.length ?? 0;
    this.#peers.delete(name);
  }
}

function nameOf(frames: readonly Buffer[]): string {
  return frames[0]?.toString('latin1') ?? '';
}
