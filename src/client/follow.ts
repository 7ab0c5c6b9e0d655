import { setMaxListeners } from 'node:events';
import { systemClock } from '../contract/clock.js';
import { SupertreeError } from '../errors.js';
import { backoffDelay } from '../model/restart.js';
import type { Backoff } from '../model/spec.js';
import type { OperationName, ParamsOf, ResultOf } from '../protocol/operations.js';
import { Feed } from './feed.js';
import type { ServerLink } from './server.js';

/**
 * The resources of one iteration over a server's data. The scope ends with the iteration, and ends the iteration when the client is closed or the
 * signal aborts.
 */
export class Scope {
  readonly #server: ServerLink;
  readonly #signal: AbortSignal | undefined;
  /** The `reject` of each pending race. A single promise to race against would retain every value that ever won, as long as it exists itself. */
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
    // Any number of iterations may listen on one signal; Node warns of a leak above ten listeners.
    setMaxListeners(Number.POSITIVE_INFINITY, signal);
    signal.addEventListener('abort', onAbort);
  }

  /** Changes with each start of the server; of a server that sends no id, with each connection. */
  get era(): string {
    const { serverId, statistics } = this.#server.link;
    return serverId ?? `connection ${statistics.reconnections}`;
  }

  throwIfAborted(): void {
    this.#signal?.throwIfAborted();
  }

  /**
   * Subscribes at one of `endpoints`, or nowhere if there is none, and closes the previous subscription. `attempt` selects the endpoint: each
   * attempt takes the next one.
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

  /** The result of `work`. Rejects when the iteration ends first. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) reject(this.#reason);
      else this.#racing.add(reject);
      work.then(resolve, reject).finally(() => this.#racing.delete(reject));
    });
  }

  /** Sends a request and retries as `insist` does. */
  ask<N extends OperationName>(name: N, params: ParamsOf<N>): Promise<ResultOf<N>> {
    return this.insist((timeout) => this.#server.request(name, params, { timeout }));
  }

  /**
   * Repeats `work` while the server is away or overloaded, and while a supervisor above the agent is restarting. Rejects other errors of the
   * server; NO_SERVER once the link has given up.
   */
  async insist<T>(work: (timeout: number) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.race(work(RECONNECT_TIMEOUT));
      } catch (thrown) {
        const delay = delayAfter(thrown, attempt);
        if (this.#isOver || delay === null) throw thrown;
        await this.pause(delay);
      }
      await this.race(this.#server.link.connected());
    }
  }

  /** Calls `listener` when the server is connected again. Returns a function that removes the listener. */
  onReconnected(listener: () => void): () => void {
    return this.#server.link.onState((state) => state === 'connected' && listener());
  }

  /** Resolves after `ms`. Rejects when the iteration ends first. */
  async pause(ms: number): Promise<void> {
    await this.race(new Promise<void>((resolve) => (this.#timer = systemClock.setTimeout(() => resolve(), ms))));
  }

  /** Rejects pending races with `reason` and releases the subscription, the timer and the listeners. Can be called twice. */
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
 * Makes an iteration of the generator `run` that can be abandoned at any time: the scope is released at the end, at a `break`, and when the client
 * is closed, which ends the iteration without an error. An abort of `signal` makes the iteration throw its reason.
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

/** The delay before the next attempt, in ms: 0 for a server that was away, since a request waits for its connection; `null` when it refused. */
function delayAfter(thrown: unknown, attempt: number): number | null {
  if (!(thrown instanceof SupertreeError)) return null;
  if (UNREACHABLE.has(thrown.code)) return 0;
  if (!TRANSIENT_ERRORS.has(thrown.code)) return null;
  const { retryAfter } = thrown.details;
  return typeof retryAfter === 'number' && retryAfter > 0 ? retryAfter : backoffDelay(BACKOFF, attempt, Math.random());
}

/** The reason of a scope whose iteration has ended; it never reaches a caller. */
const ENDED = Symbol('ended');

const RECONNECT_TIMEOUT = 10_000;

const UNREACHABLE: ReadonlySet<string> = new Set(['NO_SERVER', 'TIMEOUT']);

/** Errors that pass: too many requests of this client at present, or a supervisor above the agent that is restarting. */
const TRANSIENT_ERRORS: ReadonlySet<string> = new Set([
  'QUEUE_FULL',
  'TOO_MANY_REQUESTS',
  'RATE_LIMITED',
  'AGENT_ABSENT',
]);

const BACKOFF: Backoff = { initial: 100, factor: 2, max: 5_000, jitter: 0.5, resetAfter: 0 };
