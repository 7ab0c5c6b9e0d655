import type { LineItem, LinesOptions, OutputLine, OutputPage, OutputQuery } from '../../contract/view.js';
import type { StreamName } from '../../model/spec.js';

/** A source of lines. */
export interface LineSource {
  page(query: OutputQuery): OutputPage;
  /** True when no further line will come. */
  isOver(): boolean;
  /** Calls `listener` when there may be a new line, or when the source is over. Returns a function that removes the listener. */
  onChange(listener: () => void): () => void;
}

/** The number of lines that are taken from the ring at once. */
const PAGE = 128;

/** Reads lines one after another at the pace of the caller. It listens to the source only while the caller waits for a line. */
export class LineReader implements AsyncIterableIterator<LineItem> {
  readonly #source: LineSource;
  readonly #options: LinesOptions;
  /** The end of lines that are not followed. */
  readonly #end: Readonly<Record<StreamName, number>>;
  #from: OutputQuery['from'];
  #items: LineItem[] = [];
  /** Settles when the calls of `next` so far are done; they run one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(source: LineSource, options: LinesOptions) {
    this.#source = source;
    this.#options = options;
    this.#from = options.from;
    this.#end = source.page({ last: 0 }).next;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<LineItem>> {
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {});
    return result;
  }

  async return(): Promise<IteratorResult<LineItem>> {
    this.#close();
    return { done: true, value: undefined };
  }

  async #next(): Promise<IteratorResult<LineItem>> {
    while (!this.#isClosed) {
      this.#throwIfAborted();
      // `isOver` is read before the ring: a line may come between the two, but none after `isOver` is true.
      const isLast = !this.#options.follow || this.#source.isOver();
      if (this.#items.length === 0) this.#items = this.#read().reverse();
      const value = this.#items.pop();
      if (value !== undefined) return { done: false, value };
      if (isLast) this.#close();
      else await this.#change();
    }
    return { done: true, value: undefined };
  }

  #read(): LineItem[] {
    const { stream = 'both', follow } = this.#options;
    const { lines, dropped, next } = this.#source.page({
      stream,
      limit: PAGE,
      ...(this.#from !== undefined && { from: this.#from }),
    });
    this.#from = next;
    const wanted = follow ? lines : lines.filter((line) => line.seq < this.#end[line.stream]);
    return [...(dropped > 0 ? [{ type: 'dropped', lines: dropped } as const] : []), ...wanted.map(textLine)];
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#options;
      const leave = this.#source.onChange(() => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        leave();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const wake = this.#wake;
      signal?.addEventListener('abort', wake);
    });
  }

  #throwIfAborted(): void {
    if (!this.#options.signal?.aborted) return;
    this.#close();
    this.#options.signal.throwIfAborted();
  }

  #close(): void {
    this.#isClosed = true;
    this.#items = [];
    this.#wake?.();
  }
}

function textLine(line: OutputLine): LineItem {
  return { type: 'line', ...line, text: textOf(line.bytes) };
}

/** The text of a line without its line end. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}
