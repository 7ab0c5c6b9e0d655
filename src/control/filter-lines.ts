interface Lane<T> {
  readonly peer: string;
  readonly waiting: T[];
  /** One of this peer is at work. */
  busy: boolean;
}

/** What waits, in one line for each peer. The peers take turns, and of each one is at work at a time. */
export class FilterLines<T> {
  /** In the order of their turns. A peer of which nothing waits or works is not remembered. */
  readonly #lanes = new Map<string, Lane<T>>();

  /** How many of a peer wait or work. */
  countOf(peer: string): number {
    const lane = this.#lanes.get(peer);
    return lane === undefined ? 0 : lane.waiting.length + Number(lane.busy);
  }

  enter(peer: string, item: T): void {
    const lane = this.#lanes.get(peer) ?? { peer, waiting: [], busy: false };
    this.#lanes.set(peer, lane);
    lane.waiting.push(item);
  }

  /** Takes back what waits. False when it does not wait any more. */
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

  /** The one whose turn it is; `done` is to be called when its work is over. `null` when nobody may begin. */
  next(): T | null {
    const lane = this.#ready();
    const item = lane?.waiting.shift();
    if (lane === null || item === undefined) return null;
    lane.busy = true;
    // Behind all others.
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

  /** Takes back all that waits. */
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
