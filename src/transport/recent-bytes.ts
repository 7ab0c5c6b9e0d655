/** The bytes of the latest frames of a stream, as many frames as a queue holds: an upper bound of the bytes in that queue. */
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
