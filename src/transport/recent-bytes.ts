/** The bytes of the last frames of a stream, as many of them as a queue has room for: an upper bound of what that queue holds. */
export class RecentBytes {
  readonly #sizes: Float64Array;
  #at = 0;
  #bytes = 0;

  constructor(frames: number) {
    this.#sizes = new Float64Array(frames);
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes - (this.#sizes[this.#at] ?? 0);
    this.#sizes[this.#at] = bytes;
    this.#at = (this.#at + 1) % this.#sizes.length;
  }
}
