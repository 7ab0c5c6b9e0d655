/** Receives one line with its line end, valid during the call; `partial` when it is a piece of a longer one. */
type Take = (line: Uint8Array, partial: boolean) => void;

const NEWLINE = 0x0a;

/** Splits a stream of bytes into lines and keeps every byte. */
export class LineSplitter {
  readonly #limit: number;
  /** The beginning of an unfinished line. */
  #rest = EMPTY;
  #length = 0;
  /** True when pieces of the unfinished line were given out already. */
  #cut = false;

  /** `limit`: a line of more bytes, its line end included, is split into pieces of that size. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Uint8Array, take: Take): void {
    let start = 0;
    while (start < chunk.length) {
      const end = chunk.indexOf(NEWLINE, start);
      const stop = end < 0 ? chunk.length : end + 1;
      this.#piece(chunk, start, stop, end >= 0, take);
      start = stop;
    }
  }

  /** The beginning of an unfinished line; valid until the next push. */
  rest(): Uint8Array {
    return this.#rest.subarray(0, this.#length);
  }

  /** Gives out the beginning of an unfinished line as a piece; the next piece is the rest of that line. */
  givePiece(take: Take): void {
    if (this.#length === 0) return;
    this.#cut = true;
    take(this.rest(), true);
    this.#rest = EMPTY;
    this.#length = 0;
  }

  /** Ends the stream: an unfinished line is given out as a line. */
  flush(take: Take): void {
    if (this.#length > 0) take(this.rest(), this.#cut);
    this.#rest = EMPTY;
    this.#length = 0;
    this.#cut = false;
  }

  #piece(chunk: Uint8Array, from: number, stop: number, ends: boolean, take: Take): void {
    let start = from;
    while (this.#length + stop - start > this.#limit) {
      const middle = start + this.#limit - this.#length;
      this.#cut = true;
      take(this.#join(chunk, start, middle), true);
      start = middle;
    }
    if (!ends) return this.#keep(chunk, start, stop);
    take(this.#join(chunk, start, stop), this.#cut);
    this.#cut = false;
  }

  #join(chunk: Uint8Array, start: number, stop: number): Uint8Array {
    if (this.#length === 0) return chunk.subarray(start, stop);
    this.#keep(chunk, start, stop);
    const line = this.rest();
    this.#length = 0;
    if (this.#rest.length > SMALL) this.#rest = EMPTY;
    return line;
  }

  #keep(chunk: Uint8Array, start: number, stop: number): void {
    const needed = this.#length + stop - start;
    if (needed > this.#rest.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(needed, this.#rest.length * 2, 64)));
      grown.set(this.rest());
      this.#rest = grown;
    }
    this.#rest.set(chunk.subarray(start, stop), this.#length);
    this.#length = needed;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
const SMALL = 1024;
