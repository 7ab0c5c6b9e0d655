import type { OutputLine } from '../../contract/view.js';

/** A line with its place among the lines of both streams. */
export interface RingEntry {
  readonly line: OutputLine;
  readonly arrival: number;
}

/** The last lines of one stream, bounded by number and by bytes. Adding and dropping cost the same however much it holds. */
export class LineRing {
  readonly #maxBytes: number;
  readonly #maxLines: number;
  /** What is before `#head` was dropped; it is cut off when it is more than half, so each line is moved once on average. */
  #lines: (OutputLine | undefined)[] = [];
  #arrivals: number[] = [];
  #head = 0;
  #bytes = 0;
  #first = 0;

  constructor(maxBytes: number, maxLines: number) {
    this.#maxBytes = maxBytes;
    this.#maxLines = maxLines;
  }

  /** The sequence number of the oldest line that is kept: as many have been dropped. */
  get first(): number {
    return this.#first;
  }

  /** The sequence number that the next line has to have. */
  get next(): number {
    return this.#first + this.#lines.length - this.#head;
  }

  add(line: OutputLine, arrival: number): void {
    this.#lines.push(line);
    this.#arrivals.push(arrival);
    this.#bytes += line.bytes.length;
    while (this.#bytes > this.#maxBytes || this.#lines.length - this.#head > this.#maxLines) this.#drop();
  }

  /** The kept lines with a sequence number of at least `seq`, oldest first. */
  from(seq: number): OutputLine[] {
    return this.#lines.slice(this.#indexOf(seq)) as OutputLine[];
  }

  /** The same with their places among both streams. */
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
