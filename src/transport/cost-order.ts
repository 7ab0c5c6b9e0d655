/** Something that costs time whenever it is taken. */
export interface Weighted {
  /** What it has cost, in ms, on a clock that all items of one order share. */
  cost: number;
}

/**
 * Items in the order of their cost, the cheapest first; of equal ones the one that was added first. An item that comes back after a pause
 * begins at the cost of the item that was taken last, so that a pause saves up nothing.
 */
export class CostOrder<T extends Weighted> {
  readonly #items: T[] = [];
  #floor = 0;

  get size(): number {
    return this.#items.length;
  }

  /** Adds an item that is not in it. */
  add(item: T): void {
    item.cost = Math.max(item.cost, this.#floor);
    let [low, high] = [0, this.#items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#items[middle] as T).cost <= item.cost) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, 0, item);
  }

  /** Removes the cheapest item. */
  take(): T | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#floor = item.cost;
    return item;
  }

  clear(): void {
    this.#items.length = 0;
  }
}
