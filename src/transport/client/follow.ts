import { SupertreeError } from '../../errors.js';
import type { OperationName, ParamsOf, ResultOf } from '../operations.js';
import { Feed } from './feed.js';
import type { ServerLink } from './server.js';

/** What one follower of a server uses: it ends with the iteration, and ends the iteration when the client is closed. */
export class Scope {
  readonly #server: ServerLink;
  readonly #ended: Promise<never>;
  readonly #release: () => void;
  #end: (reason: unknown) => void = () => {};
  #feed: Feed | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(server: ServerLink) {
    this.#server = server;
    this.#ended = new Promise((_resolve, reject) => {
      this.#end = reject;
    });
    this.#ended.catch(() => {});
    this.#release = server.onClose(() => this.end());
  }

  /** Subscribes; the subscription before it is let go of. `attempt` counts them, so that each endpoint gets its turn. */
  open(endpoints: readonly string[], attempt: number, topic: string): Feed {
    this.#feed?.close();
    const { security, isOurs, pubEndpoint } = this.#server;
    const endpoint = pubEndpoint ?? endpoints[attempt % endpoints.length] ?? null;
    const feed = new Feed({ endpoint, topic, security, heartbeats: isOurs });
    if (this.#isOver) feed.close();
    this.#feed = feed;
    return feed;
  }

  /** `work`, unless the iteration ends before. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended]);
  }

  /** Asks as often as it takes while the server is away. Rejects what the server refuses; NO_SERVER once the link has given up. */
  async ask<N extends OperationName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>> {
    for (;;) {
      try {
        return await this.race(this.#server.request(name, params, { timeout: PATIENCE }));
      } catch (thrown) {
        if (!(thrown instanceof SupertreeError && AWAY.has(thrown.code))) throw thrown;
      }
      await this.race(this.#server.link.connected());
    }
  }

  /** Calls `listener` when the server is connected again. Returns the way to end that. */
  onReconnected(listener: () => void): () => void {
    return this.#server.link.onState((state) => state === 'connected' && listener());
  }

  /** Resolves after `ms`. */
  async pause(ms: number): Promise<void> {
    await this.race(new Promise((resolve) => (this.#timer = setTimeout(resolve, ms))));
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#release();
    this.#feed?.close();
    this.#end(ENDED);
  }
}

/**
 * An iteration over what `run` makes, that can be abandoned at any time: whatever the scope holds is let go of at the end, at a `break`,
 * and when the client is closed, which ends the iteration without an error.
 */
export function follow<T>(server: ServerLink, run: (scope: Scope) => AsyncGenerator<T>): AsyncIterableIterator<T> {
  const scope = new Scope(server);
  const items = run(scope);
  const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
  return {
    next: async () => {
      try {
        const next = await items.next();
        if (next.done) scope.end();
        return next;
      } catch (thrown) {
        scope.end();
        if (thrown === ENDED) return over;
        throw thrown;
      }
    },
    return: async () => {
      scope.end();
      await items.return(undefined).catch(() => {});
      return over;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** What the scope of an ended iteration rejects with; nobody else sees it. */
const ENDED = Symbol('ended');

const PATIENCE = 10_000;

const AWAY: ReadonlySet<string> = new Set(['NO_SERVER', 'TIMEOUT', 'RATE_LIMITED']);
