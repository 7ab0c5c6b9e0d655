import type { OutputLine } from '../../contract/view.js';
import type { StreamName } from '../../model/spec.js';
import { ByteRing } from './byte-ring.js';

/**
 * The last lines of one stream, bounded by number and by bytes. Adding and dropping take constant time on average. The lines are columns of numbers and one
 * buffer, and become objects when they are read: the garbage collector would have to visit an object for each line of each agent.
 */
export class LineRing {
  readonly #stream: StreamName;
  readonly #maxBytes: number;
  readonly #maxLines: number;
  readonly #bytes: ByteRing;
  #columns = newColumns(0);
  #first: number;
  #next: number;

  /** `begin`: the number of its first line. If not given, 0. */
  constructor(stream: StreamName, maxBytes: number, maxLines: number, begin = 0) {
    this.#first = begin;
    this.#next = begin;
    this.#stream = stream;
    this.#maxBytes = maxBytes;
    this.#maxLines = maxLines;
    this.#bytes = new ByteRing(maxBytes);
  }

  /** The sequence number of the oldest line in the ring, and the number of dropped lines. */
  get first(): number {
    return this.#first;
  }

  /** The sequence number of the next line. */
  get next(): number {
    return this.#next;
  }

  /** Adds a copy of a line of at most the bytes of the ring. `arrival` is its position among the lines of both streams. */
  add(bytes: Uint8Array, partial: boolean, at: number, arrival: number): void {
    this.#drop(bytes.length);
    this.#reserve();
    const { begins, ats, arrivals, partials } = this.#columns;
    const slot = this.#slot(this.#next);
    begins[slot] = this.#bytes.end;
    ats[slot] = at;
    arrivals[slot] = arrival;
    partials[slot] = Number(partial);
    this.#bytes.write(bytes);
    this.#next += 1;
  }

  /** Leaves out the numbers of so many lines that are lost, with all lines before them. */
  skip(count: number): void {
    this.#next += count;
    this.#first = this.#next;
    this.#bytes.discard(this.#bytes.end);
  }

  /** The position of a line in the ring among the lines of both streams; `Infinity` for a line that is still to come. */
  arrival(seq: number): number {
    return seq < this.#next ? (this.#columns.arrivals[this.#slot(seq)] ?? 0) : Number.POSITIVE_INFINITY;
  }

  /** The lines in the ring from one sequence number up to another. They share one copy of their bytes. */
  lines(from: number, to: number): OutputLine[] {
    const start = this.#begin(from);
    const bytes = this.#bytes.read(start, this.#begin(to));
    const lines: OutputLine[] = [];
    for (let seq = from, begin = 0; seq < to; seq++) {
      const end = this.#begin(seq + 1) - start;
      lines.push(this.#line(seq, bytes.subarray(begin, end)));
      begin = end;
    }
    return lines;
  }

  #line(seq: number, bytes: Uint8Array): OutputLine {
    const { ats, partials } = this.#columns;
    const slot = this.#slot(seq);
    return { seq, stream: this.#stream, at: ats[slot] ?? 0, partial: partials[slot] === 1, bytes };
  }

  /** The position of the first byte of a line, also of the one that is still to come. */
  #begin(seq: number): number {
    return seq < this.#next ? (this.#columns.begins[this.#slot(seq)] ?? 0) : this.#bytes.end;
  }

  #slot(seq: number): number {
    return seq % this.#columns.begins.length;
  }

  /** Drops the oldest lines until there may be one more of so many bytes. */
  #drop(length: number): void {
    const begin = this.#bytes.end + length - this.#maxBytes;
    while (this.#first < this.#next && (this.#next - this.#first >= this.#maxLines || this.#begin(this.#first) < begin))
      this.#first += 1;
    this.#bytes.discard(this.#begin(this.#first));
  }

  /** Extends the columns when they are full. */
  #reserve(): void {
    const old = this.#columns;
    const capacity = old.begins.length;
    if (this.#next - this.#first < capacity) return;
    this.#columns = newColumns(Math.min(this.#maxLines, Math.max(SMALLEST, capacity * 2)));
    for (let seq = this.#first; seq < this.#next; seq++) move(old, seq % capacity, this.#columns, this.#slot(seq));
  }
}

/** What is known of the lines besides their bytes, in circular arrays. */
interface Columns {
  /** Positions of the first bytes. */
  readonly begins: Float64Array;
  readonly ats: Float64Array;
  readonly arrivals: Float64Array;
  readonly partials: Uint8Array;
}

function newColumns(capacity: number): Columns {
  return {
    begins: new Float64Array(capacity),
    ats: new Float64Array(capacity),
    arrivals: new Float64Array(capacity),
    partials: new Uint8Array(capacity),
  };
}

function move(old: Columns, from: number, columns: Columns, to: number): void {
  columns.begins[to] = old.begins[from] ?? 0;
  columns.ats[to] = old.ats[from] ?? 0;
  columns.arrivals[to] = old.arrivals[from] ?? 0;
  columns.partials[to] = old.partials[from] ?? 0;
}

const SMALLEST = 8;
