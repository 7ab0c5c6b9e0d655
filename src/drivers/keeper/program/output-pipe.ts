import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import type { OutputReader, OutputSource } from './agent-output.js';
import { TerminalEnd, terminalStream } from './terminal-output.js';

/** The most bytes that are read at a time. All pipes share the memory: they are read one after another. */
const bite = Buffer.allocUnsafeSlow(65_536);

/** The reading end of a pipe to an agent, or the master of its terminal, whose end is the error EIO. */
export class OutputPipe implements OutputSource {
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

  resume(): void {
    if (this.#isOpen) this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }
}
