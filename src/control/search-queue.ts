interface PeerQueue<T> {
  readonly peer: string;
  readonly waiting: T[];
  /** True while a search of this peer runs. */
  busy: boolean;
}

/** A queue of searches for each peer. The peers take turns, and each has one running item at a time. */
export class SearchQueue<T> {
  /** In the order of their turns. A peer without waiting and running items has no queue. */
  readonly #queues = new Map<string, PeerQueue<T>>();

  /** The number of a peer's waiting and running items. */
  countOf(peer: string): number {
    const queue = this.#queues.get(peer);
    return queue === undefined ? 0 : queue.waiting.length + Number(queue.busy);
  }

  add(peer: string, item: T): void {
    const queue = this.#queues.get(peer) ?? { peer, waiting: [], busy: false };
    this.#queues.set(peer, queue);
    queue.waiting.push(item);
  }

  /** Removes a waiting item. False when it is not waiting any more. */
  remove(peer: string, item: T): boolean {
    const queue = this.#queues.get(peer);
    const at = queue?.waiting.indexOf(item) ?? -1;
    if (queue === undefined || at < 0) return false;
    queue.waiting.splice(at, 1);
    this.#forget(queue);
    return true;
  }

  hasNext(): boolean {
    return this.#ready() !== null;
  }

  /** The next item; `done` must be called when its work is over. `null` when none may start. */
  next(): T | null {
    const queue = this.#ready();
    const item = queue?.waiting.shift();
    if (queue === null || item === undefined) return null;
    queue.busy = true;
    // Moves the queue behind all others.
    this.#queues.delete(queue.peer);
    this.#queues.set(queue.peer, queue);
    return item;
  }

  done(peer: string): void {
    const queue = this.#queues.get(peer);
    if (queue === undefined) return;
    queue.busy = false;
    this.#forget(queue);
  }

  /** Removes and returns all waiting items. */
  clear(): T[] {
    return [...this.#queues.values()].flatMap(({ waiting }) => waiting.splice(0));
  }

  #ready(): PeerQueue<T> | null {
    for (const queue of this.#queues.values()) if (!queue.busy && queue.waiting.length > 0) return queue;
    return null;
  }

  #forget(queue: PeerQueue<T>): void {
    if (!queue.busy && queue.waiting.length === 0) this.#queues.delete(queue.peer);
  }
}
