/**
 * The items of all sources as they come, each given once even if several consumers take items. It ends when all sources have ended, and rejects when
 * one does; the others are then abandoned. The sources are not started before the first item is taken.
 */
export function merged<T>(all: readonly AsyncIterableIterator<T>[]): AsyncIterableIterator<T> {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const items = interleaved(all);
  return {
    next: () => items.next(),
    return: async () => {
      // Abandoning the sources settles the requests for items first, then the consumers that wait for them.
      await abandon(all);
      return items.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A generator queues the calls of `next`. Each source is asked for one item at a time. */
async function* interleaved<T>(all: readonly AsyncIterator<T>[]): AsyncGenerator<T, undefined> {
  const arrivals = new Arrivals<T>();
  try {
    for (const each of all) arrivals.ask(each);
    for (let open = all.length; open > 0; ) {
      const { from, result } = await arrivals.next();
      if (result.done) {
        open--;
      } else {
        yield result.value;
        arrivals.ask(from);
      }
    }
  } finally {
    await abandon(all);
  }
}

interface Arrived<T> {
  readonly from: AsyncIterator<T>;
  readonly result: IteratorResult<T, unknown>;
}

/**
 * The answers of the sources, in their order. No race against the promise of a source: a source can be silent for long, and its promise would retain
 * every value that won. A source can fail while no consumer waits: its rejection is caught at once and thrown to the next consumer.
 */
class Arrivals<T> {
  readonly #arrived: (() => Arrived<T>)[] = [];
  #wake = () => {};

  ask(from: AsyncIterator<T>): void {
    from.next().then(
      (result) => this.#add(() => ({ from, result })),
      (thrown: unknown) =>
        this.#add(() => {
          throw thrown;
        }),
    );
  }

  async next(): Promise<Arrived<T>> {
    if (this.#arrived.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const [take] = this.#arrived.splice(0, 1) as [() => Arrived<T>];
    return take();
  }

  #add(arrived: () => Arrived<T>): void {
    this.#arrived.push(arrived);
    this.#wake();
  }
}

async function abandon(all: readonly AsyncIterator<unknown>[]): Promise<void> {
  await Promise.all(all.map((each) => each.return?.()));
}

/** The items of an iteration that can be made once `source` is known. An abort of `signal` before that is thrown. */
export function fromLater<S, T>(
  source: Promise<S>,
  iterate: (source: S) => AsyncIterableIterator<T>,
  signal?: AbortSignal,
): AsyncIterableIterator<T> {
  const iterating = unlessAborted(source, signal).then(iterate);
  // The error is thrown to the consumer of the first item; without a consumer it must not be an unhandled rejection.
  iterating.catch(() => {});
  return {
    next: async () => (await iterating).next(),
    return: async () => {
      await iterating.then(
        (items) => items.return?.(),
        () => undefined,
      );
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal?.reason);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', onAbort));
  });
}
