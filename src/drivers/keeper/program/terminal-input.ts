import { closeSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { TerminalSize } from '../../../model/process.js';
import { resize } from '../native/terminal.js';
import type { Input } from './input.js';

const { EAGAIN, EPIPE } = constants.errno;

/** VEOF of termios(3): the reader gets what was typed of its line, or at the beginning of a line the end of its input. */
const END = 0x04;
const NEWLINE = 0x0a;

/**
 * The keyboard of a terminal. libuv would write to a master with calls that block, and with them the keeper; so what the kernel does not take at once is tried
 * again by a timer.
 */
export class TerminalInput implements Input {
  readonly #descriptor: number;
  readonly #taken: (errno: number) => void;
  #size: TerminalSize;
  /** Bytes that the kernel has not taken; `null` when all are taken. */
  #rest: Uint8Array | null = null;
  #atLineStart = true;
  #isEnded = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;

  /** `descriptor` is a master that does not block. `taken` is called for each write with 0 when the kernel has taken the bytes, else with the errno. */
  constructor(descriptor: number, size: TerminalSize, taken: (errno: number) => void) {
    this.#descriptor = descriptor;
    this.#size = size;
    this.#taken = taken;
  }

  write(bytes: Uint8Array): void {
    if (this.#rest !== null) return this.#taken(EAGAIN);
    if (this.#isEnded || this.#isClosed) return this.#taken(EPIPE);
    this.#rest = bytes;
    this.#atLineStart = bytes.at(-1) === NEWLINE;
    this.#flush();
  }

  /** The end of the input is typed: twice, where the first one only passes on an unfinished line. */
  end(): void {
    if (this.#isEnded || this.#isClosed) return;
    this.#isEnded = true;
    if (this.#rest === null) this.#typeEnd();
  }

  /** The kernel sends SIGWINCH for another size alone; so the same one is set after another one, for a program that is to draw anew. */
  resize(size: TerminalSize): void {
    if (this.#isClosed) return;
    const { columns, rows } = this.#size;
    if (columns === size.columns && rows === size.rows)
      resize(this.#descriptor, { columns, rows: rows === 1 ? 2 : rows - 1 });
    resize(this.#descriptor, size);
    this.#size = { columns: size.columns, rows: size.rows };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#retry);
    closeSync(this.#descriptor);
    if (this.#rest !== null) this.#done(EPIPE);
  }

  #flush(): void {
    while (this.#rest !== null) {
      const taken = this.#attempt(this.#rest);
      if (taken === -EAGAIN) {
        this.#retry = setTimeout(() => this.#flush(), RETRY);
        return;
      }
      if (taken < 0) return this.#done(-taken);
      this.#rest = this.#rest.subarray(taken);
      if (this.#rest.length === 0) this.#done(0);
    }
  }

  #done(errno: number): void {
    this.#rest = null;
    this.#taken(errno);
    if (this.#isEnded && !this.#isClosed) this.#typeEnd();
  }

  /** A full terminal belongs to a program that reads nothing, and so no end either. */
  #typeEnd(): void {
    this.#attempt(Uint8Array.from(this.#atLineStart ? [END] : [END, END]));
  }

  /** The number of bytes that were taken, or the errno as a negative number. */
  #attempt(bytes: Uint8Array): number {
    try {
      return writeSync(this.#descriptor, bytes) || -EAGAIN;
    } catch (thrown) {
      return -Math.abs((thrown as NodeJS.ErrnoException).errno ?? EPIPE);
    }
  }
}

/** How long the kernel is given to make room, in ms. */
const RETRY = 10;
