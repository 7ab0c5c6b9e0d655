import type { Writable } from 'node:stream';
import type { Clock } from '../../contract/clock.js';
import { SupertreeError } from '../../errors.js';
import type { StdinMode } from '../../model/process.js';

/** The most bytes that may wait for an agent to read them. */
const STDIN_LIMIT = 1_048_576;

/** How long an agent may read nothing while bytes wait for it, in ms. */
const STALL_TIMEOUT = 10_000;

/** The most bytes that the pipe gets at a time, as many as Linux keeps in one: they cannot be taken back. */
const PIECE = 65_536;

interface Write {
  readonly bytes: Uint8Array;
  /** The number of bytes that the pipe has got. */
  taken: number;
  readonly resolve: () => void;
  readonly reject: (error: SupertreeError) => void;
}

/**
 * The standard input of one incarnation: a bounded queue in front of a pipe. Every write is settled, at the latest when the process has ended. Bytes
 * written before the program runs are queued.
 */
export class Stdin {
  readonly #agent: string;
  readonly #clock: Clock;
  readonly #waiting: Write[] = [];
  #pipe: Writable | undefined;
  /** Bytes that the system has not taken. */
  #queued = 0;
  /** The pipe has a piece that the system has not taken. */
  #busy = false;
  #stall: unknown;
  #closed = false;
  /** The process gets no pipe. */
  readonly #isAbsent: boolean;

  /** `agent` is the path that errors name. If `mode` is not given, pipe. */
  constructor(agent: string, clock: Clock, mode: StdinMode = 'pipe') {
    this.#agent = agent;
    this.#clock = clock;
    this.#isAbsent = mode === 'closed';
  }

  /** The pipe exists: queued bytes are written. */
  attach(pipe: Writable): void {
    this.#pipe = pipe;
    pipe.on('error', ignore); // EPIPE; every write hears of it through its own callback
    this.#pump();
  }

  /**
   * Queues bytes; resolves when the system has taken them. A single write may exceed the limit when the queue is empty. Rejects STDIN_ABSENT, STDIN_CLOSED, STDIN_FULL,
   * and STDIN_STALLED when the system took nothing for 10 s: the first `taken` of the bytes are in the pipe and arrive when the agent reads, the others
   * are not written. The caller must not change the bytes before it is settled, and those in the pipe not at all.
   */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#isAbsent) return Promise.reject(new SupertreeError('STDIN_ABSENT', { agent: this.#agent }));
    if (this.#closed || this.#pipe?.writable === false) return Promise.reject(this.#closedError());
    if (this.#queued > 0 && this.#queued + bytes.length > STDIN_LIMIT) return Promise.reject(this.#fullError());
    this.#queued += bytes.length;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, taken: 0, resolve, reject });
      this.#pump();
    });
  }

  /** Closes the pipe after the queued bytes. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pump();
  }

  /** The process has ended: rejects the queued writes. */
  close(): void {
    this.#closed = true;
    this.#drop(() => this.#closedError(new Error('the process has ended')));
    this.#pipe?.destroy();
  }

  /** Passes the next piece to the pipe; the previous one must have been taken. */
  #pump(): void {
    const [head] = this.#waiting;
    if (this.#pipe === undefined) return;
    if (head === undefined) {
      if (this.#closed && !this.#busy) this.#pipe.end();
      return;
    }
    this.#stall ??= this.#clock.setTimeout(() => this.#drop((write) => this.#stalledError(write)), STALL_TIMEOUT);
    if (this.#busy) return;
    const piece = head.bytes.subarray(head.taken, head.taken + PIECE);
    head.taken += piece.length;
    this.#busy = true;
    this.#pipe.write(piece, (error) => this.#took(head, piece.length, error));
  }

  #took(head: Write, length: number, error: Error | null | undefined): void {
    this.#busy = false;
    this.#queued -= length;
    this.#rest();
    if (error) return this.#drop(() => this.#closedError(error));
    // The write may have been rejected meanwhile.
    if (this.#waiting[0] === head && head.taken === head.bytes.length) {
      this.#waiting.shift();
      head.resolve();
    }
    this.#pump();
  }

  /** Rejects all queued writes. A piece in the pipe stays there, and stays first. */
  #drop(errorFor: (write: Write) => SupertreeError): void {
    this.#rest();
    for (const write of this.#waiting.splice(0)) {
      this.#queued -= write.bytes.length - write.taken;
      write.reject(errorFor(write));
    }
  }

  #rest(): void {
    this.#clock.clearTimeout(this.#stall);
    this.#stall = undefined;
  }

  #closedError(cause?: Error): SupertreeError {
    return new SupertreeError('STDIN_CLOSED', { agent: this.#agent }, cause);
  }

  #fullError(): SupertreeError {
    return new SupertreeError('STDIN_FULL', { agent: this.#agent, queued: this.#queued, limit: STDIN_LIMIT });
  }

  #stalledError({ taken, bytes }: Write): SupertreeError {
    return new SupertreeError('STDIN_STALLED', {
      agent: this.#agent,
      timeout: STALL_TIMEOUT,
      taken,
      bytes: bytes.length,
    });
  }
}

function ignore(): void {}
