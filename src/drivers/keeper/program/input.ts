/** The writing end of the standard input of an agent. */
export interface Input {
  /** Writes bytes; EAGAIN while earlier ones are not taken, EPIPE when it is closed. */
  write(bytes: Uint8Array): void;
  /** Ends the input after the bytes that were written. */
  end(): void;
  /** Closes it at once. */
  close(): void;
}
