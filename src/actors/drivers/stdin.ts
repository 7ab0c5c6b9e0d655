import type { Writable } from 'node:stream';
import { SupertreeError } from '../../errors.js';

/** How many bytes may wait for an agent to read them. */
const STDIN_LIMIT = 1_048_576;

/**
 * The standard input of one incarnation: a bounded queue in front of a pipe. Every write is settled, at the latest when the
 * process has ended. Bytes written before the program runs wait for it.
 */
export class Stdin {
  readonly #agent: string;
  #pipe: Writable | undefined;
  #early: { bytes: Uint8Array; settle: (error?: Error | null) => void }[] = [];
  #queued = 0;
  #closed = false;

  /** `agent` is the path that errors name. */
  constructor(agent: string) {
    this.#agent = agent;
  }

  /** The pipe is there: what waited is written. */
  attach(pipe: Writable): void {
    this.#pipe = pipe;
    pipe.on('error', ignore); // EPIPE; every write hears of it through its own callback
    for (const { bytes, settle } of this.#early) pipe.write(bytes, settle);
    this.#early = [];
    if (this.#closed) pipe.end();
  }

  /**
   * Queues bytes; resolves when the system took them. One write may be longer than the limit, when nothing else waits.
   * Rejects STDIN_CLOSED, STDIN_FULL. The caller must not change the bytes before it is settled.
   */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#closed || this.#pipe?.writable === false) return Promise.reject(this.#closedError());
    if (this.#queued > 0 && this.#queued + bytes.length > STDIN_LIMIT) return Promise.reject(this.#fullError());
    this.#queued += bytes.length;
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null) => {
        this.#queued -= bytes.length;
        if (error) reject(this.#closedError(error));
        else resolve();
      };
      if (this.#pipe === undefined) this.#early.push({ bytes, settle });
      else this.#pipe.write(bytes, settle);
    });
  }

  /** Closes the pipe behind what is queued. */
  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pipe?.end();
  }

  /** Nobody will read any more: what waits is rejected. */
  close(): void {
    this.#closed = true;
    for (const { settle } of this.#early) settle(new Error('the process has ended'));
    this.#early = [];
    this.#pipe?.destroy();
  }

  #closedError(cause?: Error): SupertreeError {
    return new SupertreeError('STDIN_CLOSED', { agent: this.#agent }, cause);
  }

  #fullError(): SupertreeError {
    return new SupertreeError('STDIN_FULL', { agent: this.#agent, queued: this.#queued, limit: STDIN_LIMIT });
  }
}

function ignore(): void {}
