/** One timer in a `TimerHeap`. */
export interface HeapTimer {
  /** The time at which it fires. */
  readonly at: number;
  /** Orders timers of the same time: the one that was set first fires first. */
  readonly order: number;
  readonly fire: () => void;
  /** Its index in the heap; -1 when it is not in one. */
  index: number;
}

/** A binary heap of timers that stores the index of each timer, so that adding, removing and taking the earliest cost O(log n). */
export class TimerHeap {
  readonly #items: HeapTimer[] = [];

  get size(): number {
    return this.#items.length;
  }

  /** The earliest timer, without removing it. */
  peek(): HeapTimer | undefined {
    return this.#items[0];
  }

  add(timer: HeapTimer): void {
    this.#place(timer, this.#items.length);
    this.#rise(timer);
  }

  /** Removes a timer; does nothing when it is not in the heap. */
  remove(timer: HeapTimer): void {
    const { index } = timer;
    if (this.#items[index] !== timer) return;
    timer.index = -1;
    const last = this.#items.pop()!;
    if (last === timer) return;
    this.#place(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(timer: HeapTimer): void {
    while (timer.index > 0) {
      const parent = this.#items[(timer.index - 1) >> 1]!;
      if (!isBefore(timer, parent)) return;
      this.#swap(timer, parent);
    }
  }

  #sink(timer: HeapTimer): void {
    for (;;) {
      const child = this.#earlierChild(timer.index);
      if (child === undefined || !isBefore(child, timer)) return;
      this.#swap(timer, child);
    }
  }

  #earlierChild(index: number): HeapTimer | undefined {
    const left = this.#items[2 * index + 1];
    const right = this.#items[2 * index + 2];
    return left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
  }

  #swap(a: HeapTimer, b: HeapTimer): void {
    const { index } = a;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(timer: HeapTimer, index: number): void {
    this.#items[index] = timer;
    timer.index = index;
  }
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
