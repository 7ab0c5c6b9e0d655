import { connect, type Socket } from 'node:net';
import { answerTo, fromKeeper, MessageReader } from './protocol/codec.js';
import type { FromKeeper } from './protocol/messages.js';

/** The receiver of what comes through a wire. */
export interface WireListener {
  /** The keeper has said its version: the messages that are to be answered together with it. */
  greeted(version: number): Uint8Array[];
  message(message: FromKeeper): void;
  /** All messages of one read were handed over. */
  read(): void;
  /** The keeper has broken the protocol. */
  violated(problem: string): void;
  /** It is closed, and nothing more follows. Called once. */
  closed(wire: Wire): void;
}

/** One socket to a keeper. The messages of one turn of the event loop are written together. */
export class Wire {
  readonly #socket: Socket;
  readonly #reader = new MessageReader(fromKeeper, { newest: NEWEST });
  readonly #listener: WireListener;
  /** Resolves when what has come is handled, which may take several turns of the event loop. */
  #reading: Promise<void> = Promise.resolve();
  #hasGreeted = false;
  #isCorked = false;
  #isOpened = false;
  #isDestroyed = false;
  #problem = 'its connection was closed';

  /** `path`: where the keeper listens. */
  constructor(path: string, listener: WireListener) {
    this.#listener = listener;
    this.#socket = connect(path, () => {
      this.#isOpened = true;
    });
    this.#socket.on('data', (bytes) => {
      this.#reading = this.#reading.then(() => this.#read(bytes));
    });
    this.#socket.on('error', (error) => {
      this.#problem = `its connection failed: ${error.message}`;
    });
    this.#socket.on('close', async () => {
      await this.#reading;
      listener.closed(this);
    });
  }

  /** False when no keeper has listened. */
  get isOpened(): boolean {
    return this.#isOpened;
  }

  /** Why it is closed, as a part of a sentence. */
  get problem(): string {
    return this.#problem;
  }

  write(message: Uint8Array): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(message);
  }

  /** Whether it keeps this program alive while it is open. */
  keepAlive(isWanted: boolean): void {
    if (isWanted) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Closes it after what was written. */
  end(): void {
    this.#socket.end();
  }

  /** Closes it at once; what has come and is not handled is lost. */
  destroy(): void {
    this.#isDestroyed = true;
    this.#socket.destroy();
  }

  /**
   * Microtasks run between two messages, as they do between two reads of a pipe: the line that makes an agent ready comes before its exit in the same read.
   * One read can have a thousand messages, which take longer than the loop may be blocked: they are handled in turns, and nothing is read meanwhile.
   */
  async #read(bytes: Buffer): Promise<void> {
    let until = performance.now() + TURN;
    for (const message of this.#reader.push(bytes)) {
      if (this.#isDestroyed) return;
      this.#listener.message(message);
      await null;
      if (performance.now() > until) {
        await this.#nextTurn();
        until = performance.now() + TURN;
      }
    }
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#isDestroyed) return;
    if (!this.#hasGreeted && this.#reader.version !== null) this.#greet(this.#reader.version);
    if (this.#reader.problem === null) this.#listener.read();
    else this.#listener.violated(this.#reader.problem);
  }

  /**
   * An older keeper refuses any version but its own, so that is answered. What follows is written together with it: a keeper that refuses the version closes the
   * connection, and a later write would fail before its reason was read.
   */
  #greet(version: number): void {
    this.#hasGreeted = true;
    this.write(answerTo(version));
    for (const message of this.#listener.greeted(version)) this.write(message);
  }

  #nextTurn(): Promise<void> {
    this.#socket.pause();
    return new Promise((resolve) => setImmediate(resolve));
  }
}

/** Whether a newer keeper understands this release is for that to say. */
const NEWEST = 255;

/** For how long the messages of a keeper are handled in one turn of the event loop, in ms. */
const TURN = 4;
