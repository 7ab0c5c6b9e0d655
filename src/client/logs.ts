import { SupertreeError } from '../errors.js';
import type { StreamName } from '../model/spec.js';
import { decode } from '../protocol/decode.js';
import { lineView } from '../protocol/line-view.js';
import type { LineView, LogsPage, LogsQuery, Streams } from '../protocol/operations.js';
import type { Message } from '../protocol/protocol.js';
import type { Feed } from './feed.js';
import { follow, type Scope } from './follow.js';
import type { ServerLink } from './server.js';

/** One line of a followed agent. */
export type LogLine = { readonly type: 'line' } & Omit<LineView, 'partial'>;

/** A line, or a note between lines: `dropped` lines left the ring before they could be read; `restarted` when the numbers start at 1 again. */
export type LogItem = LogLine | { readonly type: 'dropped'; readonly lines: number } | { readonly type: 'restarted' };

export interface FollowQuery extends Omit<LogsQuery, 'agent' | 'limit'> {
  readonly follow: true;
  /** Ends the iteration, which throws its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Lines for each request; fewer where long lines would make the answer too large. */
const PAGE = 500;

/** When nothing comes, the rings are read in case the last lines were missed: first after so many ms, then less and less often. */
const POLL_DELAY = { first: 500, last: 10_000 };

/** How long the last lines of a removed agent may take, in ms: they come by another socket than the answer that reports the removal. */
const LAST_LINES = 1000;

/** How long an agent may take to reappear after a restart of its server, in ms. */
const BOOT = 30_000;

const FINAL_STATUSES: ReadonlySet<string> = new Set(['completed', 'failed', 'terminated']);

/**
 * The lines of one agent in order, each once: first those in its rings, as `query` selects, then each new one. Lines that the subscription missed are
 * read from the rings. The iteration lasts over restarts of the agent, of the supervisors above it and of the server; it ends when the agent is
 * removed or has ended without a restart. Rejects AGENT_NOT_FOUND at the start, and when a restarted server does not have the agent.
 */
export function followLogs(server: ServerLink, agent: string, query: FollowQuery): AsyncIterableIterator<LogItem> {
  const { follow: _, signal, ...wanted } = query;
  return follow(server, (scope) => new LogFollower(agent, wanted, scope).run(), signal);
}

class LogFollower {
  readonly #agent: string;
  readonly #query: Omit<LogsQuery, 'agent'>;
  readonly #scope: Scope;
  readonly #streams: readonly StreamName[];
  #uuid = '';
  /** The number of the next line of each stream; `null` before the first page. */
  #next: Record<StreamName, number> | null = null;
  #filledAt = 0;
  #epoch = '';
  #restartedAt = Number.NEGATIVE_INFINITY;
  /** The agent has ended and will not be restarted, and all its lines were yielded. */
  #isOver = false;

  constructor(agent: string, query: Omit<LogsQuery, 'agent'>, scope: Scope) {
    this.#agent = agent;
    this.#query = query;
    this.#scope = scope;
    this.#streams = query.stream === undefined || query.stream === 'both' ? ['stdout', 'stderr'] : [query.stream];
  }

  async *run(): AsyncGenerator<LogItem> {
    for (let attempt = 0; ; attempt++) {
      try {
        yield* this.#session(attempt);
        if (this.#isOver) return;
      } catch (thrown) {
        if (!isGone(thrown) || this.#next === null) throw thrown;
        await this.#lookForRestart();
        if (performance.now() - this.#restartedAt > BOOT) {
          if (this.#restartedAt === Number.NEGATIVE_INFINITY) return;
          throw thrown;
        }
        await this.#scope.pause(POLL_DELAY.first);
      }
    }
  }

  /** A restarted server does not know the uuid, nor the agent until its tree has booted. */
  async #lookForRestart(): Promise<Streams> {
    const streams = await this.#whereItPublishes();
    if (this.#epoch !== '' && this.#epoch !== streams.epoch) this.#restartedAt = performance.now();
    this.#epoch = streams.epoch;
    return streams;
  }

  /** The endpoints to subscribe at. A key for a subtree may read output but not subscribe: it gets none, and the rings are polled. */
  async #whereItPublishes(): Promise<Streams> {
    try {
      return await this.#scope.ask('streams', {});
    } catch (thrown) {
      if (!(thrown instanceof SupertreeError && thrown.code === 'FORBIDDEN')) throw thrown;
      return { pubEndpoints: [], epoch: this.#scope.era };
    }
  }

  /** Lasts as long as one connection: the server behind the next one may have another agent under the same name. */
  async *#session(attempt: number): AsyncGenerator<LogItem> {
    const { pubEndpoints } = await this.#lookForRestart();
    const { uuid } = await this.#scope.ask('status', { agent: this.#agent });
    if (this.#uuid !== '' && this.#uuid !== uuid) yield this.#restart();
    this.#uuid = uuid;
    const feed = this.#scope.open(pubEndpoints, attempt, uuid);
    const undo = this.#scope.onReconnected(() => feed.wake());
    try {
      yield* this.#fill();
      yield* this.#live(feed, pubEndpoints.length === 0 ? POLL_DELAY.first : POLL_DELAY.last);
    } catch (thrown) {
      // Its rings are gone with it, but lines that have already arrived are still yielded.
      if (isGone(thrown)) yield* this.#rest(feed);
      throw thrown;
    } finally {
      undo();
      feed.close();
    }
  }

  async *#live(feed: Feed, longest: number): AsyncGenerator<LogItem> {
    for (let delay = POLL_DELAY.first; !this.#isOver; ) {
      const item = await this.#scope.race(feed.next(delay));
      if (item.type === 'woken' || item.type === 'closed') return;
      const message = item.type === 'frame' ? read(item.document) : null;
      const isLine = message?.type === 'log_stream';
      delay = item.type === 'quiet' ? Math.min(2 * delay, longest) : POLL_DELAY.first;
      if (isLine) yield* this.#take(message);
      // Lines published before the subscription was made, or lost at the end of a burst, have no later line that would reveal the gap.
      else if (item.type !== 'opened' && this.#isWorthALook(message)) yield* this.#fill();
    }
  }

  #isWorthALook(message: Message<'status_update'> | null): boolean {
    return message === null || FINAL_STATUSES.has(message.status ?? '');
  }

  async *#take(message: Message<'log_stream'>): AsyncGenerator<LogItem> {
    const { stream_type: stream, sequence: seq } = message;
    const next = this.#next;
    if (next === null || !this.#streams.includes(stream)) return;
    if (seq === next[stream]) {
      next[stream] = seq + 1;
      yield lineIn(message);
    } else if (seq > next[stream] || performance.now() - this.#filledAt > POLL_DELAY.first) {
      // A lower number was read already, unless the numbers start again.
      yield* this.#fill();
    }
  }

  async *#rest(feed: Feed): AsyncGenerator<LogItem> {
    const next = this.#next;
    const wait = () => this.#scope.race(feed.next(LAST_LINES));
    for (
      let item = await wait();
      item.type !== 'quiet' && item.type !== 'closed' && next !== null;
      item = await wait()
    ) {
      // The confirmation of the subscription may come between the lines.
      if (item.type !== 'frame') continue;
      const message = read(item.document);
      if (message?.type !== 'log_stream' || !this.#streams.includes(message.stream_type)) continue;
      const missed = message.sequence - next[message.stream_type];
      if (missed < 0) continue;
      if (missed > 0) yield { type: 'dropped', lines: missed };
      next[message.stream_type] = message.sequence + 1;
      yield lineIn(message);
    }
  }

  /** Reads the unread lines from the rings. */
  async *#fill(): AsyncGenerator<LogItem> {
    this.#filledAt = performance.now();
    if (this.#next === null) yield* this.#begin();
    for (let more = true; more; ) {
      const pages = await this.#pagesFrom(this.#next ?? { stdout: 0, stderr: 0 });
      if (pages === null) {
        yield this.#restart();
        continue;
      }
      more = pages.some(({ lines }) => lines.length > 0);
      yield* this.#tell(pages);
      this.#isOver = !more && pages.every(({ over }) => over === true);
    }
  }

  async *#begin(): AsyncGenerator<LogItem> {
    const page = await this.#page(this.#query);
    this.#next = { ...page.next };
    if (page.dropped > 0) yield { type: 'dropped', lines: page.dropped };
    for (const line of page.lines) yield lineOf(line);
  }

  /** One page of each stream; `null` when a ring ends before the last number that was read: it belongs to a restarted server. */
  async #pagesFrom(from: Readonly<Record<StreamName, number>>): Promise<LogsPage[] | null> {
    const pages: LogsPage[] = [];
    for (const stream of this.#streams) {
      const page = await this.#page({ stream, from: from[stream] });
      if (page.next[stream] < from[stream]) return null;
      pages.push(page);
    }
    return pages;
  }

  *#tell(pages: readonly LogsPage[]): Generator<LogItem> {
    const dropped = pages.reduce((sum, page) => sum + page.dropped, 0);
    if (dropped > 0) yield { type: 'dropped', lines: dropped };
    const next = this.#next;
    for (const [index, stream] of this.#streams.entries()) {
      const page = pages[index];
      if (next !== null && page !== undefined) next[stream] = page.next[stream];
    }
    const lines = pages.flatMap((page) => page.lines);
    for (const line of lines.sort((a, b) => a.at - b.at)) yield lineOf(line);
  }

  async #page(query: Omit<LogsQuery, 'agent'>): Promise<LogsPage> {
    for (let limit = PAGE; ; limit = Math.ceil(limit / 8)) {
      try {
        return await this.#scope.ask('logs', { agent: this.#uuid, ...query, limit });
      } catch (thrown) {
        const tooLarge = thrown instanceof SupertreeError && thrown.code === 'MESSAGE_TOO_LARGE';
        if (!tooLarge || limit === 1) throw thrown;
      }
    }
  }

  #restart(): LogItem {
    this.#next = { stdout: 0, stderr: 0 };
    return { type: 'restarted' };
  }
}

function isGone(thrown: unknown): boolean {
  return thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND';
}

function lineIn({ stream_type: stream, sequence: seq, data: bytes, timestamp }: Message<'log_stream'>): LogLine {
  return lineOf(lineView({ seq, stream, at: millisecondsOf(timestamp), partial: false, bytes }));
}

function lineOf({ partial: _, ...line }: LineView): LogLine {
  return { type: 'line', ...line };
}

function read(document: Buffer): Message<'log_stream'> | Message<'status_update'> | null {
  const decoded = decode(document);
  if (!decoded.ok) return null;
  const { message } = decoded;
  return message.type === 'log_stream' || message.type === 'status_update' ? message : null;
}

function millisecondsOf([secs, nanos]: readonly [number, number]): number {
  return secs * 1000 + nanos / 1_000_000;
}
