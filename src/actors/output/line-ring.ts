import type { OutputLine } from '../../contract/view.js';

/** A line with its position among the lines of both streams. */
export interface RingEntry {
  readonly line: OutputLine;
  readonly arrival: number;
}

/** The last lines of one stream, bounded by number and by bytes. Adding and dropping take constant time. */
export class LineRing {
  readonly #maxBytes: number;
  readonly #maxLines: number;
  /** Lines before `#head` were dropped. They are cut off once they are more than half, so each line is moved once on average. */
  #lines: (OutputLine | undefined)[] = [];
  #arrivals: number[] = [];
  #head = 0;
  #bytes = 0;
  #first = 0;

  constructor(maxBytes: number, maxLines: number) {
    this.#maxBytes = maxBytes;
    this.#maxLines = maxLines;
  }

  /** The sequence number of the oldest line in the ring, and the number of dropped lines. */
  get first(): number {
    return this.#first;
  }

  /** The sequence number of the next line. */
  get next(): number {
    return this.#first + this.#lines.length - this.#head;
  }

  add(line: OutputLine, arrival: number): void {
    this.#lines.push(line);
    this.#arrivals.push(arrival);
    this.#bytes += line.bytes.length;
    while (this.#bytes > this.#maxBytes || this.#lines.length - this.#head > this.#maxLines) this.#drop();
  }

  /** The lines in the ring with a sequence number of at least `seq`, oldest first. */
  from(seq: number): OutputLine[] {
    return this.#lines.slice(this.#indexOf(seq)) as OutputLine[];
  }

  /** The same lines with their positions among both streams. */
  entriesFrom(seq: number): RingEntry[] {
    const start = this.#indexOf(seq);
    return this.from(seq).map((line, index) => ({ line, arrival: this.#arrivals[start + index]! }));
  }

  #indexOf(seq: number): number {
    return this.#head + Math.max(0, seq - this.#first);
  }

  #drop(): void {
    this.#bytes -= this.#lines[this.#head]!.bytes.length;
    this.#lines[this.#head] = undefined;
    this.#head += 1;
    this.#first += 1;
    if (this.#head < 64 || this.#head * 2 < this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#head);
    this.#arrivals = this.#arrivals.slice(this.#head);
    this.#head = 0;
  }
}
