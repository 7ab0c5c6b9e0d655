import { closeSync, readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { duplicate } from '../native/terminal.js';

/** The master of a terminal as a stream with the options of a socket. It begins to read at once, as a socket does. */
export function terminalStream(descriptor: number, options: object): Socket {
  const all: object = { ...options, manualStart: false };
  return new ReadStream(descriptor, all);
}

/**
 * The last bytes of a terminal. libuv takes a read that does not fill its buffer for the last one when nobody has the slave open any more; but a master gives
 * 4 KiB at a time at most, and the kernel may have another 64.
 */
export class TerminalEnd {
  /** The stream closes its own at its end. */
  readonly #descriptor: number;

  constructor(descriptor: number) {
    this.#descriptor = duplicate(descriptor);
  }

  /** Reads what is left, into `buffer`. It is not much, so nothing pauses it. */
  read(buffer: Uint8Array, take: (bytes: Uint8Array) => void): void {
    for (let length = this.#read(buffer); length > 0; length = this.#read(buffer)) take(buffer.subarray(0, length));
  }

  close(): void {
    if (this.#descriptor >= 0) closeSync(this.#descriptor);
  }

  /** The number of bytes, 0 at the end, which is EIO (pty(7)). */
  #read(buffer: Uint8Array): number {
    try {
      return readSync(this.#descriptor, buffer);
    } catch {
      return 0;
    }
  }
}
