import { Socket } from 'node:net';
import { constants } from 'node:os';
import { closeAll } from '../native/pipes.js';
import type { Input } from './input.js';

const { EAGAIN, EPIPE } = constants.errno;

/** The writing end of the pipe that is the standard input of an agent. Most agents get no input, so the stream is made for the first. */
export class InputPipe implements Input {
  readonly #taken: (errno: number) => void;
  #descriptor: number | null;
  #socket: Socket | undefined;
  #isBusy = false;

  /** `descriptor` is `null` where there is no pipe. `taken` is called for each write with 0 when the system has taken the bytes, else with the errno. */
  constructor(descriptor: number | null, taken: (errno: number) => void) {
    this.#descriptor = descriptor;
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
    if (this.#descriptor !== null) closeAll(this.#descriptor);
    this.#descriptor = null;
    this.#socket?.destroy();
  }

  #open(): Socket | undefined {
    if (this.#descriptor === null) return this.#socket;
    this.#socket = new Socket({ fd: this.#descriptor, readable: false, writable: true });
    this.#socket.on('error', () => {}); // each write has its own callback
    this.#descriptor = null;
    return this.#socket;
  }
}
