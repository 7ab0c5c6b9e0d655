/** The last bytes of a stream. Each has a position: the number of bytes before it. They are in one buffer, which grows with use. */
export class ByteRing {
  readonly #limit: number;
  #buffer = EMPTY;
  #begin = 0;
  #end = 0;

  /** `limit`: the most bytes that are in the ring at any time. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The position after the last byte. */
  get end(): number {
    return this.#end;
  }

  /** Appends a copy of the bytes. What would be more than the limit is discarded before. */
  write(bytes: Uint8Array): void {
    this.#reserve(this.#end - this.#begin + bytes.length);
    const [offset, first] = this.#place(this.#end, bytes.length);
    this.#buffer.set(bytes.subarray(0, first), offset);
    this.#buffer.set(bytes.subarray(first), 0);
    this.#end += bytes.length;
  }

  /** Forgets the bytes before a position. */
  discard(before: number): void {
    this.#begin = before;
  }

  /** A copy of the bytes from one position up to another. */
  read(from: number, to: number): Buffer {
    const copy = Buffer.allocUnsafeSlow(to - from);
    if (from === to) return copy;
    const [offset, first] = this.#place(from, to - from);
    this.#buffer.copy(copy, 0, offset, offset + first);
    this.#buffer.copy(copy, first, 0, to - from - first);
    return copy;
  }

  /** Where a range begins in the buffer, and how many of its bytes come before the end of the buffer. */
  #place(position: number, length: number): [offset: number, first: number] {
    const offset = position % this.#buffer.length;
    return [offset, Math.min(length, this.#buffer.length - offset)];
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const bytes = this.read(this.#begin, this.#end);
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(SMALLEST, 2 * this.#buffer.length, length)));
    const [offset, first] = this.#place(this.#begin, bytes.length);
    bytes.copy(this.#buffer, offset, 0, first);
    bytes.copy(this.#buffer, 0, first);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
const SMALLEST = 256;
