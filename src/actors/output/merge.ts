import type { OutputLine } from '../../contract/view.js';
import type { LineRing } from './line-ring.js';

/** A position in a ring, from which lines are taken one after another. */
class Cursor {
  readonly ring: LineRing;
  position: number;

  constructor(ring: LineRing, from: number) {
    this.ring = ring;
    this.position = Math.min(Math.max(from, ring.first), ring.next);
  }

  get remaining(): number {
    return this.ring.next - this.position;
  }

  get arrival(): number {
    return this.ring.arrival(this.position);
  }
}

/** Lines of one ring that follow each other in the merged order. */
interface Run {
  readonly cursor: Cursor;
  readonly from: number;
  readonly to: number;
}

/** Takes lines of up to two rings in the order of their arrival. Skipped lines cost no copy. */
export class Merge {
  readonly #cursors: readonly Cursor[];

  /** From where in each ring. Numbers before its first line mean that line. */
  constructor(starts: readonly { readonly ring: LineRing; readonly from?: number | undefined }[]) {
    this.#cursors = starts.map(({ ring, from = 0 }) => new Cursor(ring, from));
  }

  /** The number of lines that were neither skipped nor taken. */
  get remaining(): number {
    return this.#cursors.reduce((sum, { remaining }) => sum + remaining, 0);
  }

  /** The number of the next line of the ring; `undefined` for a ring that is not merged. */
  position(ring: LineRing): number | undefined {
    return this.#cursors.find((cursor) => cursor.ring === ring)?.position;
  }

  skip(count: number): void {
    this.#advance(count);
  }

  /** The next lines, at most so many. */
  take(limit: number): OutputLine[] {
    const begins = this.#cursors.map(({ position }) => position);
    const runs = this.#advance(limit);
    const [first] = runs;
    if (first !== undefined && runs.length === 1) return first.cursor.ring.lines(first.from, first.to);
    // One copy of bytes for each ring, however its lines alternate with those of the other.
    const lines = this.#cursors.map(({ ring, position }, n) => ring.lines(begins[n] ?? 0, position));
    return runs.flatMap(({ cursor, from, to }) => {
      const n = this.#cursors.indexOf(cursor);
      const begin = begins[n] ?? 0;
      return lines[n]?.slice(from - begin, to - begin) ?? [];
    });
  }

  /** Moves the cursors over the next lines, at most so many. */
  #advance(count: number): Run[] {
    const runs: Run[] = [];
    for (let left = Math.min(count, this.remaining); left > 0; ) {
      const { cursor, length } = this.#nextRun(left);
      runs.push({ cursor, from: cursor.position, to: cursor.position + length });
      cursor.position += length;
      left -= length;
    }
    return runs;
  }

  /** The ring of the next line, and how many of its lines follow each other: one, or all that are left when the other ring has none. */
  #nextRun(limit: number): { cursor: Cursor; length: number } {
    const cursor = this.#cursors.reduce((one, other) => (other.arrival < one.arrival ? other : one));
    const isLast = cursor.remaining === this.remaining;
    return { cursor, length: isLast ? Math.min(limit, cursor.remaining) : 1 };
  }
}
