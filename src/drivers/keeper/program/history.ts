/** A piece of output as it was read. */
export interface Chunk {
  readonly bytes: Uint8Array;
  /** When it was read, in ms. */
  readonly at: number;
}

/** The end of one stream, for a successor of the program: whole lines, and the number of lines before them. Takes nothing while nothing is written. */
export class History {
  readonly #limit: number;
  readonly #lineBytes: number;
  readonly #chunks: Chunk[] = [];
  #size = 0;
  #lost = 0;
  /** The bytes of the line that the first chunk continues. */
  #column = 0;

  /** `limit`: the bytes to keep. `lineBytes`: a longer line counts as several. */
  constructor(limit: number, lineBytes: number) {
    this.#limit = limit;
    this.#lineBytes = Math.max(1, lineBytes);
  }

  /** Adds a copy of the bytes. */
  add(bytes: Uint8Array, at: number): void {
    this.#chunks.push({ bytes: Buffer.from(bytes), at });
    this.#size += bytes.length + OVERHEAD;
    while (this.#size > this.#limit && this.#chunks.length > 1) this.#drop(this.#chunks.shift()!);
  }

  /** What is kept, from the first line that is whole (of a line that does not end: from its first whole part), and the number of lines before it. */
  read(): { readonly lost: number; readonly chunks: readonly Chunk[] } {
    const hasEnd = this.#chunks.some(({ bytes }) => bytes.includes(NEWLINE));
    while (this.#column > 0 && this.#chunks.length > 0)
      this.#dropFront(this.#chunks.shift()!, (bytes) => (hasEnd ? bytes.indexOf(NEWLINE) + 1 : this.#restOfPart()));
    return { lost: this.#lost, chunks: this.#chunks };
  }

  #drop({ bytes }: Chunk): void {
    this.#size -= bytes.length + OVERHEAD;
    this.#count(bytes);
  }

  /** Drops the beginning of a chunk, up to where `endIn` says; all of it when that is 0 or behind it. */
  #dropFront(chunk: Chunk, endIn: (bytes: Uint8Array) => number): void {
    const { bytes, at } = chunk;
    const end = endIn(bytes);
    if (end === 0 || end >= bytes.length) this.#drop(chunk);
    else {
      this.#count(bytes.subarray(0, end));
      this.#size -= end;
      this.#chunks.unshift({ bytes: bytes.subarray(end), at });
    }
    if (this.#column % this.#lineBytes !== 0) return;
    this.#lost += this.#column / this.#lineBytes;
    this.#column = 0;
  }

  /** The bytes of the line up to the end of its present part. */
  #restOfPart(): number {
    return this.#lineBytes - (this.#column % this.#lineBytes);
  }

  #count(bytes: Uint8Array): void {
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#lost += Math.ceil((this.#column + end + 1 - start) / this.#lineBytes);
      this.#column = 0;
      start = end + 1;
    }
    this.#column += bytes.length - start;
  }
}

const NEWLINE = 0x0a;

/** What a short chunk costs beside its bytes. */
const OVERHEAD = 128;
