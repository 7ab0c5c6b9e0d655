/** What must be known of a tree when its program is gone: entries of plain data, by key. Neither call waits or throws. */
export interface Store {
  /** The entries that an earlier program has left, oldest key first. They do not change. */
  readonly earlier: ReadonlyMap<string, unknown>;
  /** Writes an entry; it replaces the one with the same key. */
  set(key: string, value: unknown): void;
  delete(key: string): void;
}
