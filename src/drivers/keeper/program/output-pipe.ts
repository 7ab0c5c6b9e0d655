import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { TerminalEnd, terminalStream } from './terminal-output.js';

/** Receives the bytes of an output pipe. */
export interface OutputReader {
  /** The bytes are overwritten by the next read. False pauses the pipe. */
  read(bytes: Uint8Array): boolean;
  /** Called once, when the pipe is at its end, broken or closed. */
  closed(): void;
}

/** The most bytes that are read at a time. All pipes share the memory: they are read one after another. */
const bite = Buffer.allocUnsafeSlow(65_536);

/** The reading end of a pipe to an agent, or the master of its terminal, whose end is the error EIO. */
export class OutputPipe {
  readonly #socket: Socket;
  #isOpen = true;

  constructor(descriptor: number, reader: OutputReader) {
    const onread = { buffer: bite, callback: (length: number) => reader.read(bite.subarray(0, length)) };
    // The types know `onread` for connect() alone, the documentation for the constructor as well.
    const options: object = { fd: descriptor, readable: true, writable: false, onread };
    const end = isatty(descriptor) ? new TerminalEnd(descriptor) : null;
    const close = () => {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      end?.close();
      reader.closed();
    };
    this.#socket = end === null ? new Socket(options) : terminalStream(descriptor, options);
    if (end !== null) this.#socket.on('end', () => end.read(bite, (bytes) => reader.read(bytes)));
    this.#socket.on('end', close).on('error', close).on('close', close);
  }

  /** Reads on after a pause. */
  resume(): void {
    if (this.#isOpen) this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }
}
