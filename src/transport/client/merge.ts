/** The items of all, as they come. It ends when all have ended, and rejects when one does; the others are then abandoned. */
export function merged<T>(all: readonly AsyncIterableIterator<T>[]): AsyncIterableIterator<T> {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const pending = new Map<AsyncIterator<T>, Promise<Arrived<T>>>();
  const ask = (from: AsyncIterator<T>) => {
    pending.set(
      from,
      from.next().then((result) => ({ from, result })),
    );
  };
  for (const each of all) ask(each);
  const abandon = async (): Promise<IteratorReturnResult<undefined>> => {
    for (const work of pending.values()) work.catch(() => {});
    pending.clear();
    await Promise.all(all.map((each) => each.return?.()));
    return { done: true, value: undefined };
  };
  return {
    next: async () => {
      while (pending.size > 0) {
        const { from, result } = await Promise.race(pending.values()).catch(async (thrown: unknown) => {
          await abandon();
          throw thrown;
        });
        pending.delete(from);
        if (result.done) continue;
        ask(from);
        return result;
      }
      return { done: true, value: undefined };
    },
    return: abandon,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

interface Arrived<T> {
  readonly from: AsyncIterator<T>;
  readonly result: IteratorResult<T, unknown>;
}

/** The items of what is only known when `source` is. */
export function fromLater<S, T>(
  source: Promise<S>,
  iterate: (source: S) => AsyncIterableIterator<T>,
): AsyncIterableIterator<T> {
  const iterating = source.then(iterate);
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
