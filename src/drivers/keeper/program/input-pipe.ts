import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Writable } from 'node:stream';
import type { Input } from './input.js';

const { EAGAIN, EPIPE } = constants.errno;

/** The writing end of the pipe that is the standard input of an agent. Most agents get no input, so the stream is made for the first. */
export class InputPipe implements Input {
  readonly #taken: (errno: number) => void;
  #descriptor: number | null;
  #socket: Writable | undefined;
  #isBusy = false;

  /** `pipe` is a descriptor, or a stream; `null` where there is none. `taken` is called for each write with 0 when the system has taken the bytes, else with the errno. */
  constructor(pipe: number | Writable | null, taken: (errno: number) => void) {
    this.#descriptor = typeof pipe === 'number' ? pipe : null;
    if (typeof pipe === 'object' && pipe !== null) this.#use(pipe);
    this.#taken = taken;
  }

  write(bytes: Uint8Array): void {
    if (this.#isBusy) return this.#taken(EAGAIN);
    const socket = this.#open();
    if (!socket?.writable) return this.#taken(EPIPE);
    this.#isBusy = true;
    socket.write(bytes, (error) => {
      this.#isBusy = false;
      this.#taken(error ? -((error as NodeJS.ErrnoException).errno ?? -EPIPE) : 0);
    });
  }

  end(): void {
    if (this.#socket) this.#socket.end();
    else this.close();
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
    this.#socket?.destroy();
  }

  #open(): Writable | undefined {
    if (this.#descriptor === null) return this.#socket;
    this.#use(new Socket({ fd: this.#descriptor, readable: false, writable: true }));
    this.#descriptor = null;
    return this.#socket;
  }

  #use(stream: Writable): void {
    this.#socket = stream;
    stream.on('error', () => {}); // each write has its own callback
  }
}
