import { setMaxListeners } from 'node:events';
import { systemClock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import { backoffDelay } from '../model/restart.js';
import type { Backoff } from '../model/spec.js';
import type { OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import { Feed } from './feed.js';
import type { ServerLink } from './server.js';

/**
 * What one follower of a server uses: it ends with the iteration, and ends the iteration when the client is closed or the signal aborts.
 */
export class Scope {
  readonly #server: ServerLink;
  readonly #signal: AbortSignal | undefined;
  /** The ways to reject what is waited for. One promise to race against would keep whatever ever won, for as long as itself. */
  readonly #racing = new Set<(reason: unknown) => void>();
  readonly #releases: (() => void)[];
  #feed: Feed | null = null;
  #timer: unknown;
  #isOver = false;
  #reason: unknown;

  constructor(server: ServerLink, signal?: AbortSignal) {
    this.#server = server;
    this.#signal = signal;
    const onAbort = () => this.end(signal?.reason);
    this.#releases = [server.onClose(() => this.end()), () => signal?.removeEventListener('abort', onAbort)];
    if (signal === undefined) return;
    // Any number of iterations may hang on one signal; Node takes more than ten listeners for a leak.
    setMaxListeners(Number.POSITIVE_INFINITY, signal);
    signal.addEventListener('abort', onAbort);
  }

  /** Another one after each start of the server; and after each new connection, where it does not say which one it is. */
  get era(): string {
    const { serverId, statistics } = this.#server.link;
    return serverId ?? `connection ${statistics.reconnections}`;
  }

  throwIfAborted(): void {
    this.#signal?.throwIfAborted();
  }

  /**
   * Subscribes, to nothing where there is no endpoint; the subscription before it is let go of. `attempt` counts them, so that each endpoint gets
   * its turn.
   */
  open(endpoints: readonly string[], attempt: number, topic: string): Feed {
    this.#feed?.close();
    const { security, owner, isOurs, pubEndpoint } = this.#server;
    const published = endpoints[attempt % endpoints.length] ?? null;
    const endpoint = published === null ? null : (pubEndpoint ?? published);
    const feed = new Feed({ endpoint, topic, security, owner, heartbeats: isOurs });
    if (this.#isOver) feed.close();
    this.#feed = feed;
    return feed;
  }

  /** `work`, unless the iteration ends before. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) reject(this.#reason);
      else this.#racing.add(reject);
      work.then(resolve, reject).finally(() => this.#racing.delete(reject));
    });
  }

  /** Asks as `insist` does. */
  ask<N extends OperationName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>> {
    return this.insist((timeout) => this.#server.request(name, params, { timeout }));
  }

  /**
   * Does `work` as often as it takes while the server is away or has too much to do, and while a supervisor above the agent is starting again. Rejects what the server refuses; NO_SERVER once the link has
   * given up.
   */
  async insist<T>(work: (timeout: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.race(work(PATIENCE));
      } catch (thrown) {
        const delay = delayAfter(thrown, attempt);
        if (this.#isOver || delay === null) throw thrown;
        await this.pause(delay);
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
    await this.race(new Promise<void>((resolve) => (this.#timer = systemClock.setTimeout(() => resolve(), ms))));
  }

  /** Rejects whatever is waited for with `reason`, and lets go of all that is held. Can be called twice. */
  end(reason: unknown = ENDED): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reason = reason;
    systemClock.clearTimeout(this.#timer);
    for (const release of this.#releases) release();
    this.#feed?.close();
    for (const reject of this.#racing) reject(reason);
    this.#racing.clear();
  }
}

/**
 * An iteration over what `run` makes, that can be abandoned at any time: whatever the scope holds is let go of at the end, at a `break`,
 * and when the client is closed, which ends the iteration without an error. An abort of `signal` ends it by throwing the reason.
 */
export function follow<T>(
  server: ServerLink,
  run: (scope: Scope) => AsyncGenerator<T>,
  signal?: AbortSignal,
): AsyncIterableIterator<T> {
  const scope = new Scope(server, signal);
  const items = within(scope, run(scope));
  return {
    next: () => items.next(),
    return: () => {
      scope.end();
      return items.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

async function* within<T>(scope: Scope, items: AsyncGenerator<T>): AsyncGenerator<T, undefined> {
  try {
    scope.throwIfAborted();
    for await (const item of items) {
      yield item;
      scope.throwIfAborted();
    }
  } catch (thrown) {
    if (thrown !== ENDED) throw thrown;
  } finally {
    scope.end();
  }
}

/** After how many ms to ask again: at once for a server that was away, since it is waited for; `null` when it refused. */
function delayAfter(thrown: unknown, attempt: number): number | null {
  if (!(thrown instanceof SupertreeError)) return null;
  if (AWAY.has(thrown.code)) return 0;
  if (!PASSING.has(thrown.code)) return null;
  const { retryAfter } = thrown.details;
  return typeof retryAfter === 'number' && retryAfter > 0 ? retryAfter : backoffDelay(BACKOFF, attempt, Math.random());
}

/** What the scope of an ended iteration rejects with; nobody else sees it. */
const ENDED = Symbol('ended');

const PATIENCE = 10_000;

const AWAY: ReadonlySet<string> = new Set(['NO_SERVER', 'TIMEOUT']);

/**
 * What passes: the other requests of the client are too many at present, or a supervisor above the agent is starting again.
 */
const PASSING: ReadonlySet<string> = new Set(['QUEUE_FULL', 'TOO_MANY_REQUESTS', 'RATE_LIMITED', 'AGENT_ABSENT']);

const BACKOFF: Backoff = { initial: 100, factor: 2, max: 5_000, jitter: 0.5, resetAfter: 0 };
