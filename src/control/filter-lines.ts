interface Lane<T> {
  readonly peer: string;
  readonly waiting: T[];
  /** True while a search of this peer runs. */
  busy: boolean;
}

/** A queue with one lane for each peer. The peers take turns, and each has one running item at a time. */
export class FilterLines<T> {
  /** In the order of their turns. A peer without waiting and running items has no lane. */
  readonly #lanes = new Map<string, Lane<T>>();

  /** The number of a peer's waiting and running items. */
  countOf(peer: string): number {
    const lane = this.#lanes.get(peer);
    return lane === undefined ? 0 : lane.waiting.length + Number(lane.busy);
  }

  enter(peer: string, item: T): void {
    const lane = this.#lanes.get(peer) ?? { peer, waiting: [], busy: false };
    this.#lanes.set(peer, lane);
    lane.waiting.push(item);
  }

  /** Removes a waiting item. False when it is not waiting any more. */
  leave(peer: string, item: T): boolean {
    const lane = this.#lanes.get(peer);
    const at = lane?.waiting.indexOf(item) ?? -1;
    if (lane === undefined || at < 0) return false;
    lane.waiting.splice(at, 1);
    this.#forget(lane);
    return true;
  }

  hasNext(): boolean {
    return this.#ready() !== null;
  }

  /** The next item; `done` must be called when its work is over. `null` when none may start. */
  next(): T | null {
    const lane = this.#ready();
    const item = lane?.waiting.shift();
    if (lane === null || item === undefined) return null;
    lane.busy = true;
    // Moves the lane behind all others.
    this.#lanes.delete(lane.peer);
    this.#lanes.set(lane.peer, lane);
    return item;
  }

  done(peer: string): void {
    const lane = this.#lanes.get(peer);
    if (lane === undefined) return;
    lane.busy = false;
    this.#forget(lane);
  }

  /** Removes and returns all waiting items. */
  clear(): T[] {
    return [...this.#lanes.values()].flatMap(({ waiting }) => waiting.splice(0));
  }

  #ready(): Lane<T> | null {
    for (const lane of this.#lanes.values()) if (!lane.busy && lane.waiting.length > 0) return lane;
    return null;
  }

  #forget(lane: Lane<T>): void {
    if (!lane.busy && lane.waiting.length === 0) this.#lanes.delete(lane.peer);
  }
}
