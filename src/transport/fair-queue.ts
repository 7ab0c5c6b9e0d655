import type { Limits } from '../control/limits.js';
import { TokenBucket } from '../control/token-bucket.js';
import { SupertreeError } from '../errors.js';

/** One request: resolves when it is answered. Must not reject. */
export type Work = () => Promise<void>;

/** The origin of a request. */
export interface Source {
  /** The group that shares its turns: all connections with one key, or all connections without a key at one endpoint. */
  readonly group: string;
  /** The owner whose limits count it: a key with all its connections, or one connection without a key. */
  readonly owner: string;
  /** The connection, unique in the queue. */
  readonly connection: string;
  /** The outbox of its answers. */
  readonly answers: {
    /** True while the connection does not read its answers: its requests wait until `wake` is called for it. */
    isBlocked(connection: string): boolean;
  };
}

interface Request {
  readonly work: Work;
  readonly bytes: number;
}

/** The usage that counts against the limits of one owner. */
interface Account {
  readonly bucket: TokenBucket;
  /** Requests that are not answered. */
  count: number;
  /** Their total size. */
  bytes: number;
}

/** An item whose processing costs time. */
interface Weighted {
  /** The accumulated cost, in ms; comparable among the items of one order. */
  cost: number;
}

/**
 * Items in ascending order of their cost, equal ones in the order in which they were added. An item that returns after a pause starts at the cost of
 * the item that was taken last, so that a pause earns no credit.
 */
class CostOrder<T extends Weighted> {
  readonly items: T[] = [];
  #floor = 0;

  /** Adds an item that is not in it. */
  add(item: T): void {
    item.cost = Math.max(item.cost, this.#floor);
    let [low, high] = [0, this.items.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.items[middle] as T).cost <= item.cost) low = middle + 1;
      else high = middle;
    }
    this.items.splice(low, 0, item);
  }

  /** Removes the cheapest item. */
  take(): T | undefined {
    const item = this.items.shift();
    if (item !== undefined) this.#floor = item.cost;
    return item;
  }

  /** Adds to the cost of an item, in the order or not. */
  charge(item: T, cost: number): void {
    const at = this.items.indexOf(item);
    if (at >= 0) this.items.splice(at, 1);
    item.cost += cost;
    if (at >= 0) this.add(item);
  }

  clear(): void {
    this.items.length = 0;
  }
}

interface Group extends Weighted {
  /** Connections with requests that may start. */
  readonly queues: CostOrder<ConnectionQueue>;
}

/** The requests of one connection. */
interface ConnectionQueue extends Weighted {
  readonly source: Source;
  readonly group: Group;
  readonly account: Account;
  readonly requests: Request[];
  /** True while it is in `queues` of its group. */
  isScheduled: boolean;
  /** Requests that were started and are not answered. */
  running: number;
}

/** Bytes of waiting requests of all owners. Above it no owner may have more than `FAIR_SHARE` waiting. */
const MAX_BYTES = 256 * 1024 * 1024;
const FAIR_SHARE = 1024 * 1024;

/** How long requests are started in one turn before other work of the process gets a turn, in ms. */
const SLICE = 8;

/** The least cost of a request, in ms, so that connections with cheap requests alternate. */
const MIN_COST = 0.01;

/**
 * The order in which requests are started. The cost of a request is the time for which it blocks the process, decoding included. Two levels share it
 * fairly: the groups (each key; the connections without a key at each endpoint), then the connections of a group. At each level the one with the
 * least cost is served first, so that expensive requests delay cheap ones by one request at most, regardless of the number of connections. Each owner
 * is held to its limits. A request starts at once while none waits.
 * A group is never one address: libzmq knows it for each message, but zeromq.js does not tell it (docs/decisions/0022-requests-are-counted-per-key.md).
 */
export class FairQueue {
  readonly #limits: Limits;
  readonly #groups = new Map<string, Group>();
  readonly #accounts = new Map<string, Account>();
  readonly #queues = new Map<string, ConnectionQueue>();
  /** Groups with requests that may start. */
  readonly #groupOrder = new CostOrder<Group>();
  /** The request that was started last and when, until it is charged for its time. */
  #started: { readonly queue: ConnectionQueue; readonly at: number } | null = null;
  /** The number of connections at which the unused ones are deleted. */
  #sweepAt = SWEEP_FROM;
  #bytes = 0;
  #sliceEnds: number | null = null;
  /** True while a tick is queued that starts the next request. */
  #isStarting = false;
  #closed = false;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** The number of remembered connections. */
  get connections(): number {
    return this.#queues.size;
  }

  /** True when no request of the connection waits or runs. */
  isIdle(connection: string): boolean {
    const queue = this.#queues.get(connection);
    return queue === undefined || queue.requests.length + queue.running === 0;
  }

  /** Queues a request that came at `now`. Returns RATE_LIMITED or TOO_MANY_REQUESTS, and queues nothing, when the owner has reached a limit. */
  enter(source: Source, bytes: number, work: Work, now: number = performance.now()): SupertreeError | null {
    const queue = this.#queues.get(source.connection) ?? this.#open(source, now);
    const refusal = this.#refusalFor(queue.account, bytes, now);
    if (refusal !== null) return refusal;
    queue.requests.push({ work, bytes });
    queue.account.count++;
    queue.account.bytes += bytes;
    this.#bytes += bytes;
    this.#schedule(queue);
    this.#run();
    return null;
  }

  /** Tells that the connection reads its answers again. */
  wake(connection: string): void {
    const queue = this.#queues.get(connection);
    if (queue !== undefined) this.#schedule(queue);
    this.#run();
  }

  /** Drops the requests that were not started. */
  close(): void {
    this.#closed = true;
    this.#groupOrder.clear();
    this.#queues.clear();
  }

  #refusalFor({ bucket, count, bytes: held }: Account, bytes: number, now: number): SupertreeError | null {
    const { rate, burst, inFlight, inFlightBytes } = this.#limits;
    const retryAfter = bucket.take(now);
    if (retryAfter > 0) return new SupertreeError('RATE_LIMITED', { limit: 'limits.rate', rate, burst, retryAfter });
    if (count >= inFlight) return tooMany(count, 'requests', 'limits.in_flight', inFlight);
    const allowed = this.#bytes > MAX_BYTES ? Math.min(FAIR_SHARE, inFlightBytes) : inFlightBytes;
    if (count === 0 || held + bytes <= allowed) return null;
    return tooMany(held, 'bytes of requests', 'limits.in_flight_bytes', allowed);
  }

  #open(source: Source, now: number): ConnectionQueue {
    if (this.#queues.size >= this.#sweepAt) this.#sweep(now);
    const group = this.#groups.get(source.group) ?? { cost: 0, queues: new CostOrder<ConnectionQueue>() };
    this.#groups.set(source.group, group);
    const account = this.#accounts.get(source.owner) ?? this.#newAccount(now);
    this.#accounts.set(source.owner, account);
    const queue: ConnectionQueue = { source, group, account, requests: [], isScheduled: false, running: 0, cost: 0 };
    this.#queues.set(source.connection, queue);
    return queue;
  }

  #newAccount(now: number): Account {
    return { bucket: new TokenBucket(this.#limits.rate, this.#limits.burst, now), count: 0, bytes: 0 };
  }

  /** A ROUTER does not report disconnected peers. A queue without requests and with a full bucket equals a new one, so it can be deleted. */
  #sweep(now: number): void {
    for (const [connection, { source, account }] of this.#queues) {
      if (!this.isIdle(connection) || !account.bucket.isFull(now)) continue;
      this.#queues.delete(connection);
      if (account.count === 0) this.#accounts.delete(source.owner);
    }
    this.#sweepAt = Math.max(SWEEP_FROM, 2 * this.#queues.size);
  }

  #schedule(queue: ConnectionQueue): void {
    if (queue.isScheduled || queue.requests.length === 0) return;
    const { group } = queue;
    queue.isScheduled = true;
    group.queues.add(queue);
    if (group.queues.items.length === 1) this.#groupOrder.add(group);
  }

  /** The first request in a round of the event loop begins a slice; requests left at its end are started in the next round. */
  #run(): void {
    if (this.#sliceEnds === null) {
      this.#sliceEnds = performance.now() + SLICE;
      setImmediate(() => {
        this.#sliceEnds = null;
        if (!this.#closed && this.#groupOrder.items.length > 0) this.#run();
      });
    }
    if (!this.#isStarting) this.#startNext();
  }

  /**
   * Starts requests until the slice ends. The next one is started once the last one has done its microtasks, such as the encoding of its
   * answer: that is a part of its time too.
   */
  #startNext(): void {
    this.#charge();
    this.#isStarting = this.#groupOrder.items.length > 0 && performance.now() < (this.#sliceEnds ?? 0);
    if (!this.#isStarting) return;
    this.#next();
    // A tick that is queued by a microtask runs when no microtask is left.
    queueMicrotask(() => process.nextTick(() => this.#startNext()));
  }

  #next(): void {
    const group = this.#groupOrder.take();
    const queue = group?.queues.take();
    if (group === undefined || queue === undefined) return;
    queue.isScheduled = false;
    const { answers, connection } = queue.source;
    const request = answers.isBlocked(connection) ? undefined : queue.requests.shift();
    if (request !== undefined) this.#start(queue, request);
    if (group.queues.items.length > 0) this.#groupOrder.add(group);
    if (request !== undefined) this.#schedule(queue);
  }

  #start(queue: ConnectionQueue, { work, bytes }: Request): void {
    const { account } = queue;
    this.#started = { queue, at: performance.now() };
    queue.running++;
    void work().then(() => {
      queue.running--;
      account.count--;
      account.bytes -= bytes;
      this.#bytes -= bytes;
    });
  }

  #charge(): void {
    if (this.#started === null) return;
    const { queue, at } = this.#started;
    const cost = Math.max(MIN_COST, performance.now() - at);
    queue.group.queues.charge(queue, cost);
    this.#groupOrder.charge(queue.group, cost);
    this.#started = null;
  }
}

const SWEEP_FROM = 1024;

function tooMany(count: number, what: string, limit: string, max: number): SupertreeError {
  return new SupertreeError('TOO_MANY_REQUESTS', { count, what, limit, max });
}
