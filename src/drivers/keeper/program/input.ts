import type { TerminalSize } from '../../../model/process.js';

/** The writing end of the standard input of an agent. */
export interface Input {
  /** Writes bytes; EAGAIN while earlier ones are not taken, EPIPE when it is closed. */
  write(bytes: Uint8Array): void;
  /** Ends the input after the bytes that were written. */
  end(): void;
  /** Changes the size of the terminal. If not given, it is none. */
  resize?(size: TerminalSize): void;
  /** Closes it at once. */
  close(): void;
}
