/**
 * The items of all, as they come, each once, whoever takes them. It ends when all have ended, and rejects when one does; the others are then
 * abandoned. Nothing is asked of them before somebody takes the first item.
 */
export function merged<T>(all: readonly AsyncIterableIterator<T>[]): AsyncIterableIterator<T> {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const items = interleaved(all);
  return {
    next: () => items.next(),
    return: async () => {
      // What has been asked for is answered by that, and then whoever waits is.
      await abandon(all);
      return items.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** A generator puts the calls of `next` in line. Each source is asked for one item at a time. */
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
 * What the sources have answered, in that order. A source can be silent for long, so nothing is raced against its promise, which would keep whatever
 * won; and it can fail while nobody waits, so its rejection is taken at once and thrown to who comes next.
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

/** The items of what is only known when `source` is. An abort of `signal` before that is thrown instead of them. */
export function fromLater<S, T>(
  source: Promise<S>,
  iterate: (source: S) => AsyncIterableIterator<T>,
  signal?: AbortSignal,
): AsyncIterableIterator<T> {
  const iterating = unlessAborted(source, signal).then(iterate);
  // Whoever never takes an item is not told either.
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
