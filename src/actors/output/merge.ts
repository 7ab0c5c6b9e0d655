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
    const order = this.#advance(limit);
    const lines = new Map(
      this.#cursors.map((cursor, n) => [cursor, cursor.ring.lines(begins[n] ?? 0, cursor.position).values()]),
    );
    return order.map((cursor) => lines.get(cursor)?.next().value as OutputLine);
  }

  /** Moves the cursors over the next lines, and returns the cursor of each. */
  #advance(count: number): Cursor[] {
    return Array.from({ length: Math.min(Math.max(0, count), this.remaining) }, () => {
      const next = this.#cursors.reduce((one, other) => (other.arrival < one.arrival ? other : one));
      next.position += 1;
      return next;
    });
  }
}
