import { Writable } from 'node:stream';
import { errorName } from './error-name.js';

/** The keeper's side of a standard input. */
export interface InputSink {
  /** Sends bytes. They are answered by a call of `taken`, before which no more may be sent. */
  send(bytes: Uint8Array): void;
  /** Closes the pipe after the bytes that were sent. */
  end(): void;
}

/** The standard input of an agent of the keeper as a stream: a write is done when the system has taken the bytes. */
export class InputStream extends Writable {
  readonly #sink: InputSink;
  #done: ((error?: Error | null) => void) | undefined;

  constructor(sink: InputSink) {
    super();
    this.#sink = sink;
  }

  /** The answer to the last bytes: 0, or the errno with which the system refused them. */
  taken(errno: number): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(errno === 0 ? null : new Error(`write ${errorName(errno)}`));
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#done = done;
    this.#sink.send(bytes);
  }

  override _final(done: () => void): void {
    this.#sink.end();
    done();
  }
}
