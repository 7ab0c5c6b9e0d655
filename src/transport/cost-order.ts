/** An item whose processing costs time. */
export interface Weighted {
  /** The accumulated cost, in ms; comparable among the items of one order. */
  cost: number;
}

/**
 * Items in ascending order of their cost, equal ones in the order in which they were added. An item that returns after a pause starts at the cost of
 * the item that was taken last, so that a pause earns no credit.
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
