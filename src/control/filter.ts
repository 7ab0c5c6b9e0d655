import { Worker } from 'node:worker_threads';
import { messageOf, SupertreeError } from '../errors.js';
import { translatePattern } from './filter-translation.js';
import { SearchQueue } from './search-queue.js';

/** A compiled filter: plain text, or a regular expression. */
export type Filter =
  | { readonly text: string }
  | { readonly text: string; readonly source: string; readonly flags: string };

/** The most characters that a filter may have. */
const MAX_LENGTH = 1000;

/**
 * Compiles a regular expression of JavaScript. A prefix such as `(?i)`, and constructs of other languages (see `spelled`), are accepted. Never throws:
 * returns a problem as the end of a sentence.
 */
export function compileFilter(text: string): Filter | { readonly problem: string } {
  if (text.length > MAX_LENGTH) return { problem: `must have at most ${MAX_LENGTH} characters` };
  if (!/[\\^$.*+?()[\]{}|]/.test(text)) return { text };
  const [head = '', given = ''] = /^\(\?([ims]+)\)/.exec(text) ?? [];
  const { source, unknown } = translatePattern(text.slice(head.length), given.includes('s'));
  if (unknown !== null) return { problem: `must be a regular expression without ${unknown}: ${DIALECT}` };
  const flags = `${given}u`;
  const failure = failureOf(source, flags);
  return failure === null
    ? { text, source, flags }
    : { problem: `must be a regular expression (${failure}): ${DIALECT}` };
}

/** Added to every problem, because clients write filters in the syntax of other languages. */
const DIALECT =
  'filters are those of JavaScript with the flag u; the flags i, m and s stand at the beginning, as (?i), and brackets hold no other classes and no &&, -- or ~~';

/** The error of the engine, without the pattern. */
function failureOf(source: string, flags: string): string | null {
  try {
    return new RegExp(source, flags) instanceof RegExp ? null : 'it is none';
  } catch (thrown) {
    return messageOf(thrown).replace(/^Invalid regular expression: .*: /s, '');
  }
}

export interface FilterLimits {
  /** How long one search may run, in ms. If not given, 1000. */
  readonly work?: number;
  /** How long one search may wait, in ms. If not given, 4000. */
  readonly wait?: number;
  /** The number of searches that run at once. If not given, 2. */
  readonly workers?: number;
  /** The most waiting and running searches of one peer. If not given, 16. */
  readonly perPeer?: number;
}

/** How long an idle thread is kept, in ms. */
const IDLE = 10_000;

interface Search {
  readonly peer: string;
  readonly filter: { readonly text: string; readonly source: string; readonly flags: string };
  readonly take: () => readonly string[];
  readonly resolve: (lines: string[]) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Searches lines by filters. Plain text is searched in this thread; a regular expression in a worker thread that is terminated when it takes too long,
 * because some patterns never end. Each peer has one running search at a time, and peers take turns, so that slow patterns of one delay another by one turn
 * at most. Idle threads do not keep a program alive. See docs/decisions/0011-filters.md.
 */
export class Filters {
  readonly #limits: Required<FilterLimits>;
  readonly #searches = new SearchQueue<Search>();
  readonly #idle: FilterThread[] = [];
  readonly #threads = new Set<FilterThread>();
  #closed = false;

  constructor({ work = 1_000, wait = 4_000, workers = 2, perPeer = 16 }: FilterLimits = {}) {
    this.#limits = { work, wait, workers, perPeer };
  }

  /**
   * The matching lines among those that `take` returns when the turn of `peer` comes. Rejects FILTER_SLOW, FILTER_QUEUED when no turn came in time,
   * FILTER_LIMIT, PROCESS_LIMIT when no thread can be started, and the error of `take`.
   */
  async search(peer: string, filter: Filter, take: () => readonly string[]): Promise<string[]> {
    if (!('source' in filter)) return take().filter((line) => line.includes(filter.text));
    const { perPeer: max, wait } = this.#limits;
    const count = this.#searches.countOf(peer);
    if (count >= max) throw new SupertreeError('FILTER_LIMIT', { count, max });
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string[]>((resolve, reject) => {
        const search: Search = { peer, filter, take, resolve, reject };
        timer = setTimeout(() => this.#searches.remove(peer, search) && reject(this.#queued(search)), wait);
        this.#searches.add(peer, search);
        this.#next();
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Terminates all threads; running searches are rejected. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const search of this.#searches.clear()) search.reject(this.#queued(search));
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  #next(): void {
    while (this.#searches.hasNext() && !this.#closed) {
      const thread = this.#idle.pop() ?? this.#newThread();
      if (thread === null) return;
      const search = this.#searches.next();
      if (search === null) continue;
      if (thread === undefined) this.#refuse(search);
      else void this.#run(thread, search);
    }
  }

  #refuse({ peer, reject }: Search): void {
    this.#searches.done(peer);
    reject(new SupertreeError('PROCESS_LIMIT', { problem: 'no thread can search by a regular expression' }));
  }

  /** `null` when all may be busy, `undefined` when the system refuses one. */
  #newThread(): FilterThread | null | undefined {
    if (this.#threads.size >= this.#limits.workers) return null;
    const thread = startThread();
    if (thread !== undefined) this.#threads.add(thread);
    return thread;
  }

  async #run(thread: FilterThread, search: Search): Promise<void> {
    const { peer, filter, resolve, reject } = search;
    try {
      const lines = search.take();
      const indexes = await thread.search(filter, lines, this.#limits.work);
      if (indexes === null) reject(this.#slow(search));
      else resolve(indexes.map((index) => lines[index] ?? ''));
    } catch (thrown) {
      reject(thrown);
    }
    if (thread.isDead) this.#threads.delete(thread);
    else this.#rest(thread);
    this.#searches.done(peer);
    this.#next();
  }

  /** Terminates a thread that was idle for a while: it takes memory. */
  #rest(thread: FilterThread): void {
    this.#idle.push(thread);
    const timer = setTimeout(() => {
      const at = this.#idle.indexOf(thread);
      if (at < 0 || !thread.isRested()) return;
      this.#idle.splice(at, 1);
      this.#threads.delete(thread);
      void thread.end();
    }, IDLE);
    timer.unref();
  }

  #slow({ filter }: Search): SupertreeError {
    return new SupertreeError('FILTER_SLOW', { filter: filter.text, timeout: this.#limits.work });
  }

  #queued({ filter }: Search): SupertreeError {
    return new SupertreeError('FILTER_QUEUED', { filter: filter.text, timeout: this.#limits.wait });
  }
}

/** The program of a worker thread. It is inline, because a file would have another name in the sources than in the package. */
const PROGRAM = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ source, flags, lines }) => {
  const pattern = new RegExp(source, flags);
  const found = [];
  lines.forEach((line, index) => { if (pattern.test(line)) found.push(index); });
  parentPort.postMessage(found);
});
parentPort.postMessage(null);
`;

/** `undefined` when the system allows no more threads. */
function startThread(): FilterThread | undefined {
  try {
    return new FilterThread();
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ERR_WORKER_INIT_FAILED') throw thrown;
    return undefined;
  }
}

class FilterThread {
  readonly #worker = new Worker(PROGRAM, {
    eval: true,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 128 },
  });
  readonly #ready: Promise<void>;
  #lastUse = performance.now();
  #dead = false;
  #settle: (indexes: readonly number[] | null) => void = () => {};

  constructor() {
    this.#worker.unref();
    this.#ready = new Promise((resolve) => this.#worker.once('message', () => resolve()).once('exit', () => resolve()));
    this.#worker.on('message', (found: readonly number[] | null) => this.#settle(found));
    // An error, such as out of memory, is followed by the exit of the thread.
    this.#worker.on('error', () => undefined);
    this.#worker.on('exit', () => {
      this.#dead = true;
      this.#settle(null);
    });
  }

  /** The indexes of matching lines; `null` when it took longer than `limit` ms or the thread died: then the thread cannot be used again. */
  async search(
    { source, flags }: { source: string; flags: string },
    lines: readonly string[],
    limit: number,
  ): Promise<readonly number[] | null> {
    await this.#ready;
    if (this.#dead) return null;
    let timer: NodeJS.Timeout | undefined;
    const found = await new Promise<readonly number[] | null>((resolve) => {
      this.#settle = resolve;
      timer = setTimeout(() => resolve(null), limit);
      this.#worker.postMessage({ source, flags, lines });
    });
    clearTimeout(timer);
    this.#lastUse = performance.now();
    if (found === null) await this.end();
    return found;
  }

  /** True when the thread cannot be used again. */
  get isDead(): boolean {
    return this.#dead;
  }

  /** True when it was idle for as long as a thread is kept. */
  isRested(): boolean {
    return performance.now() - this.#lastUse >= IDLE - 100;
  }

  async end(): Promise<void> {
    this.#dead = true;
    await this.#worker.terminate();
  }
}
