import type { AgentView } from '../contract/view.js';
import { SupertreeError } from '../errors.js';
import { unpack } from '../protocol/codec.js';
import { isMap, value } from '../protocol/kinds.js';
import type { Snapshot, StreamEvent, StreamPosition, SupervisorMark } from '../protocol/operations.js';
import { scan } from '../protocol/scan.js';
import { follow, type Scope } from './follow.js';
import { merged } from './merge.js';
import type { ServerLink } from './server.js';

/**
 * The whole state, where the events up to it are not known: at the `start`; after a `gap`, when events were missed; and when the server was
 * `restarted`. It replaces the state that the items before it led to.
 */
export interface SnapshotItem extends Snapshot {
  readonly type: 'snapshot';
  readonly reason: 'start' | 'gap' | 'restarted';
  /** The number of missed events; `null` when it cannot be known. */
  readonly missed: number | null;
  /** The endpoint of the server. */
  readonly server: string;
}

/** One event, with the endpoint of its server. */
export type EventItem = StreamEvent & { readonly server: string };

export type TreeItem = SnapshotItem | EventItem;

const TOPIC = 'events';

/** Longer than the server ever leaves a subscriber without a message, in ms. */
const SILENCE = 12_000;

/** How long the first message of a subscription may take, in ms. */
const FIRST_MESSAGE = 3_000;

type Cursor = Pick<Snapshot, 'epoch' | 'seq'>;

export interface EventsOptions {
  /** Ends the iteration, which throws its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The events of these servers from now on: of each server a snapshot, then every event after it, and another snapshot whenever events were missed.
 * Rejects UNSUPPORTED when a server publishes nothing, NO_SERVER once a link gives up.
 */
export function followAllEvents(
  servers: readonly ServerLink[],
  { signal }: EventsOptions = {},
): AsyncIterableIterator<TreeItem> {
  const start = (server: ServerLink) =>
    follow(server, (scope) => new EventFollower(server.link.endpoint, scope).run(), signal);
  return merged(servers.map(start));
}

class EventFollower {
  readonly #server: string;
  readonly #scope: Scope;
  #cursor: Cursor | null = null;

  constructor(server: string, scope: Scope) {
    this.#server = server;
    this.#scope = scope;
  }

  /** One subscription for each connection: the server behind a new connection may be another one, or may publish at another endpoint. */
  async *run(): AsyncGenerator<TreeItem> {
    for (let attempt = 0; ; attempt++) {
      const { pubEndpoints } = await this.#scope.ask('streams', {});
      if (pubEndpoints.length === 0) {
        throw new SupertreeError('UNSUPPORTED', { agent: this.#server, what: 'events, because it publishes nowhere' });
      }
      const feed = this.#scope.open(pubEndpoints, attempt, TOPIC);
      const undo = this.#scope.onReconnected(() => feed.wake());
      try {
        yield* this.#session(feed);
      } finally {
        undo();
        feed.close();
      }
    }
  }

  /** Ends when the subscription has to be replaced. */
  async *#session(feed: ReturnType<Scope['open']>): AsyncGenerator<TreeItem> {
    let isLive = false;
    for (;;) {
      const item = await this.#scope.race(feed.next(isLive ? SILENCE : FIRST_MESSAGE));
      if (item.type === 'opened') continue;
      // The subscription delivers no events; the follower still gets the present state.
      if (item.type === 'quiet' && !isLive) yield* this.#catchUp();
      if (item.type === 'quiet' || item.type === 'woken' || item.type === 'closed') return;
      const event = item.type === 'frame' ? read(item.document) : null;
      if (!isLive || event === null || this.#isMissing(event)) yield* this.#catchUp();
      isLive = true;
      if (event?.type === 'event') yield* this.#take(event);
    }
  }

  *#take(event: StreamEvent): Generator<TreeItem> {
    const { epoch, seq } = event;
    if (epoch !== this.#cursor?.epoch || seq <= this.#cursor.seq) return;
    this.#cursor = { epoch, seq };
    yield { ...event, server: this.#server };
  }

  #isMissing({ type, epoch, seq }: StreamEvent | StreamPosition): boolean {
    const cursor = this.#cursor;
    if (cursor === null || cursor.epoch !== epoch) return true;
    return seq > cursor.seq + (type === 'event' ? 1 : 0);
  }

  async *#catchUp(): AsyncGenerator<TreeItem> {
    const before = this.#cursor;
    const snapshot = await this.#scope.ask('snapshot', {});
    const same = before?.epoch === snapshot.epoch;
    if (same && snapshot.seq <= before.seq) return;
    this.#cursor = { epoch: snapshot.epoch, seq: snapshot.seq };
    const reason = before === null ? 'start' : same ? 'gap' : 'restarted';
    const missed = before === null ? 0 : same ? snapshot.seq - before.seq : null;
    yield { type: 'snapshot', reason, missed, ...snapshot, server: this.#server };
  }
}

/** The document of a frame; `null` for an unknown one, which then counts as a missed event. */
function read(document: Buffer): StreamEvent | StreamPosition | null {
  const { end } = scan(document);
  const data = end === null ? null : value.read(unpack(document.subarray(0, end)), 'event');
  if (!isMap(data) || typeof data.epoch !== 'string' || !Number.isSafeInteger(data.seq)) return null;
  return data.type === 'event' || data.type === 'position' ? (data as unknown as StreamEvent | StreamPosition) : null;
}

/** The state of one server: apply each of its items. */
export class TreeState {
  readonly agents = new Map<string, AgentView>();
  readonly supervisors = new Map<string, SupervisorMark>();

  apply(item: TreeItem): void {
    if (item.type === 'snapshot') this.#replace(item);
    else this.#change(item);
  }

  #replace(snapshot: Snapshot): void {
    this.agents.clear();
    this.supervisors.clear();
    for (const agent of snapshot.agents) this.agents.set(agent.path, agent);
    for (const supervisor of snapshot.supervisors) this.supervisors.set(supervisor.path, supervisor);
  }

  #change({ path, event, agent, supervisor }: StreamEvent): void {
    if (event.type === 'removed') this.#remove(path);
    if (agent !== undefined) this.agents.set(path, agent);
    else this.agents.delete(path);
    if (supervisor !== undefined) this.supervisors.set(path, supervisor);
  }

  #remove(path: string): void {
    for (const each of [this.agents, this.supervisors]) {
      for (const known of each.keys()) if (known === path || known.startsWith(`${path}/`)) each.delete(known);
    }
  }
}
