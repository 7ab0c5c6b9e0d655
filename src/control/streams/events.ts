import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { AgentView, Tree, TreeView } from '../../contract/view.js';
import type { ReportBody } from '../../model/report.js';
import { pack } from '../../protocol/codec.js';
import type { Snapshot, StreamEvent, StreamPosition, SupervisorMark } from '../../protocol/operations.js';
import { keepPacked, packedInParts } from '../../protocol/packed-parts.js';
import { may, type Peer } from '../access/roles.js';
import type { FollowedReport, ReportConsumer, ReportFanOut } from './report-fan-out.js';
import type { Topics } from './topics.js';

/** The topic of the events of the whole tree. */
export const EVENTS_TOPIC = 'events';

/** The interval at which a position is published while there are subscribers, in ms. */
const POSITION_EVERY = 5_000;

/** The delay of a position after a subscription, in ms: a thousand simultaneous subscriptions cause one position. */
const POSITION_SOON = 10;

/**
 * The numbered events of one tree, under the topic `events`. Events are counted whether or not there are subscribers, so that one that
 * comes back learns what it missed; they are encoded only for subscribers.
 */
export class EventStream implements ReportConsumer {
  /** Another one for each stream, so for each start of the server. */
  readonly epoch = randomUUID();
  readonly #tree: Tree;
  readonly #topics: Topics;
  readonly #reports: ReportFanOut;
  readonly #published = new PublishedState();
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #seq = 0;
  /** The peers that may observe only a part of the tree, by key, each with the number of events in its part. */
  readonly #parts = new Map<string, { readonly peer: Peer; seq: number }>();

  constructor(tree: Tree, topics: Topics, reports: ReportFanOut) {
    this.#tree = tree;
    this.#topics = topics;
    this.#reports = reports;
    reports.add(this);
    this.#unsubscribe = topics.onSubscribed((topic) => this.#onSubscribed(topic));
  }

  /**
   * Every agent and supervisor of the tree; with `visible`, of the part that its peer may observe. A subscriber that has applied every event up to `seq` has
   * the same state. A peer that may observe only a part cannot subscribe: its `seq` counts the events of that part since its first snapshot, so that it
   * learns nothing about the rest.
   */
  snapshot(visible?: VisibleTree & { readonly peer: Peer }): Snapshot {
    this.#reports.flush();
    const now = contentsOf(this.#tree);
    if (this.#topics.hasSubscriber(EVENTS_TOPIC))
      for (const difference of this.#published.settle(now)) this.#publishDifference(difference);
    const { agents, supervisors } = visible === undefined ? now : contentsOf(visible);
    const seq = visible === undefined ? this.#seq : this.#seqFor(visible.peer);
    const rows = packedInParts([...agents.values()]);
    return packedInParts({ epoch: this.epoch, seq, agents: rows, supervisors: [...supervisors.values()] });
  }

  #seqFor(peer: Peer): number {
    if (may(peer, 'observe', this.#tree.path)) return this.#seq;
    const key = peer.publicKey ?? peer.name;
    const part = this.#parts.get(key) ?? { peer, seq: 0 };
    this.#parts.set(key, part);
    return part.seq;
  }

  close(): void {
    this.#unsubscribe();
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
  }

  take(reports: readonly FollowedReport[]): void {
    const hasSubscriber = this.#topics.hasSubscriber(EVENTS_TOPIC);
    if (!hasSubscriber) this.#published.clear();
    for (const each of reports) {
      this.#count(each.report.path);
      if (hasSubscriber) this.#publish(each);
    }
  }

  #count(path: string): void {
    this.#seq++;
    for (const part of this.#parts.values()) if (may(part.peer, 'observe', path)) part.seq++;
  }

  #publish({ report }: FollowedReport): void {
    const { at, path, ...event } = report;
    if (event.type === 'removed') this.#published.removed(path);
    // As the batch left it: gone, if it was removed by a later report.
    const agent = this.#reports.agents.get(path)?.view();
    if (agent !== undefined) this.#published.agents.set(path, agent);
    const supervisor = event.type === 'supervisor' ? { path, status: event.status } : undefined;
    if (supervisor !== undefined) this.#published.supervisors.set(path, supervisor);
    this.#send({
      type: 'event',
      epoch: this.epoch,
      seq: this.#seq,
      at,
      path,
      event: event as ReportBody,
      ...(agent && { agent }),
      ...(supervisor && { supervisor }),
    });
  }

  #publishDifference({ path, uuid, ...now }: Difference): void {
    const isGone = now.agent === undefined && now.supervisor === undefined;
    const event = isGone ? ({ type: 'removed', uuid } as const) : ({ type: 'changed' } as const);
    this.#count(path);
    this.#send({ type: 'event', epoch: this.epoch, seq: this.#seq, at: Date.now(), path, event, ...now });
  }

  #onSubscribed(topic: string): void {
    if (!EVENTS_TOPIC.startsWith(topic) && !topic.startsWith(EVENTS_TOPIC)) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#publishPosition();
    }, POSITION_SOON);
  }

  /** An event that was dropped at the end of a burst has no later event that would reveal the gap: so positions are published repeatedly. */
  #publishPosition(): void {
    clearTimeout(this.#timer);
    if (!this.#topics.hasSubscriber(EVENTS_TOPIC)) return;
    this.#reports.flush();
    this.#send({ type: 'position', epoch: this.epoch, seq: this.#seq, at: Date.now() });
    this.#timer = setTimeout(() => this.#publishPosition(), POSITION_EVERY);
    this.#timer.unref();
  }

  #send(document: StreamEvent | StreamPosition): void {
    this.#topics.publish(EVENTS_TOPIC, () => pack(document));
  }
}

/** All agents and supervisors of a tree, by path. */
interface TreeContents {
  readonly agents: ReadonlyMap<string, AgentView>;
  readonly supervisors: ReadonlyMap<string, SupervisorMark>;
}

/** A change without an event: the present agent or supervisor at the path, or neither when it was removed. */
interface Difference {
  readonly path: string;
  readonly uuid: string;
  readonly agent?: AgentView;
  readonly supervisor?: SupervisorMark;
}

/** A tree, or the part of it that a peer may observe. */
type VisibleTree = Pick<Tree, 'agents' | 'view'>;

/** The present contents of the tree. An unchanged agent has the same view, so its bytes are packed once. */
function contentsOf(tree: VisibleTree): TreeContents {
  const agents = new Map(tree.agents().map((view) => [view.path, keepPacked(view)]));
  const supervisors = new Map<string, SupervisorMark>();
  const walk = (node: TreeView): void => {
    if (node.kind === 'agent') return;
    supervisors.set(node.path, { path: node.path, status: node.status });
    node.children.forEach(walk);
  };
  walk(tree.view());
  return { agents, supervisors };
}

/** The state that a subscriber has after all published events. */
class PublishedState {
  readonly agents = new Map<string, AgentView>();
  readonly supervisors = new Map<string, SupervisorMark>();
  /** True once a snapshot was given: from then on a subscriber may have the state of the whole tree. */
  #isComplete = false;

  /** Removes a path and everything below it. */
  removed(path: string): void {
    this.agents.delete(path);
    if (!this.supervisors.delete(path)) return;
    for (const map of [this.agents, this.supervisors]) {
      for (const each of [...map.keys()]) if (each.startsWith(`${path}/`)) map.delete(each);
    }
  }

  /** The last subscriber has left. */
  clear(): void {
    this.agents.clear();
    this.supervisors.clear();
    this.#isComplete = false;
  }

  /** Replaces the known state by the present tree. Returns the differences between the two. */
  settle({ agents, supervisors }: TreeContents): Difference[] {
    const differences = [...this.#gone(agents, supervisors), ...this.#changed(agents, supervisors)];
    this.clear();
    for (const view of agents.values()) this.agents.set(view.path, view);
    for (const mark of supervisors.values()) this.supervisors.set(mark.path, mark);
    this.#isComplete = true;
    return differences;
  }

  *#gone(agents: TreeContents['agents'], supervisors: TreeContents['supervisors']): IterableIterator<Difference> {
    for (const { path, uuid } of this.agents.values()) if (!agents.has(path)) yield { path, uuid };
    for (const path of this.supervisors.keys()) if (!supervisors.has(path)) yield { path, uuid: '' };
  }

  /** Before the first snapshot, subscribers know only the contents of events: agents and supervisors without an event are no differences. */
  *#changed(agents: TreeContents['agents'], supervisors: TreeContents['supervisors']): IterableIterator<Difference> {
    for (const [path, supervisor] of supervisors) {
      const known = this.supervisors.get(path);
      if (known === undefined ? this.#isComplete : known.status !== supervisor.status)
        yield { path, uuid: '', supervisor };
    }
    for (const [path, agent] of agents) {
      const known = this.agents.get(path);
      if (known === undefined ? this.#isComplete : !isSame(known, agent)) yield { path, uuid: agent.uuid, agent };
    }
  }
}

function isSame(a: AgentView, b: AgentView): boolean {
  if (a === b) return true;
  for (const key of Object.keys(b) as (keyof AgentView)[]) {
    if (a[key] !== b[key] && !isDeepStrictEqual(a[key], b[key])) return false;
  }
  return true;
}
