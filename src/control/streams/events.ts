import { randomUUID } from 'node:crypto';
import type { AgentView, SupervisorView, Tree } from '../../contract/view.js';
import { asSupertreeError } from '../../errors.js';
import type { Report, ReportBody } from '../../model/report.js';
import { pack } from '../../protocol/codec.js';
import type { Snapshot, StreamEvent, StreamPosition } from '../../protocol/operations.js';
import { may, type Peer } from '../access/roles.js';
import { contentsOf, type Difference, PublishedState } from './published-state.js';
import { ReportBatch } from './report-batch.js';
import type { Topics } from './topics.js';

/** The topic of the events of the whole tree. */
export const EVENTS_TOPIC = 'events';

/** How often a position is published while there are subscribers, in ms. */
const POSITION_EVERY = 5_000;

/** How long after a subscription a position is published, in ms: a thousand that subscribe at once cost one position. */
const POSITION_SOON = 10;

/** There is no agent, or more than one, of that name. */
const NOT_ONE: ReadonlySet<string> = new Set(['AGENT_NOT_FOUND', 'AGENT_ABSENT', 'AGENT_AMBIGUOUS']);

type Numbered = Report & { readonly seq: number };

/**
 * The numbered events of one tree, under the topic `events`. Events are counted whether or not there are subscribers, so that one that
 * comes back learns what it missed; they are encoded only for subscribers. `take` is to be called with every report of the tree.
 */
export class EventStream {
  /** Another one for each stream, so for each start of the server. */
  readonly epoch = randomUUID();
  readonly #tree: Tree;
  readonly #topics: Topics;
  readonly #failed: (thrown: unknown) => void;
  readonly #published = new PublishedState();
  readonly #batch = new ReportBatch<Numbered>((reports) => this.#publish(reports));
  readonly #unsubscribe: () => void;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #seq = 0;
  /** The peers that may observe only a part of the tree, by key, each with the number of events of its part. */
  readonly #parts = new Map<string, { readonly peer: Peer; seq: number }>();

  /** `failed` is called with errors that no request can be answered with. */
  constructor(tree: Tree, topics: Topics, failed: (thrown: unknown) => void) {
    this.#tree = tree;
    this.#topics = topics;
    this.#failed = failed;
    this.#unsubscribe = topics.onSubscribed((topic) => this.#onSubscribed(topic));
  }

  /**
   * Every agent and supervisor of the tree as it is now; with `visible`, of the part of it that its peer may observe. A subscriber that has applied
   * every event up to its `seq` has the same. Who may observe only a part cannot subscribe: its `seq` counts the events of that part since its first
   * snapshot, so that it learns nothing about the rest.
   */
  snapshot(visible?: { readonly peer: Peer; view(): SupervisorView }): Snapshot {
    this.#batch.flush();
    const now = contentsOf(this.#tree.view());
    if (this.#hasSubscriber())
      for (const difference of this.#published.settle(now)) this.#publishDifference(difference);
    const { agents, supervisors } = visible === undefined ? now : contentsOf(visible.view());
    const seq = visible === undefined ? this.#seq : this.#seqFor(visible.peer);
    return { epoch: this.epoch, seq, agents: [...agents.values()], supervisors: [...supervisors.values()] };
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
    this.#batch.flush();
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
  }

  take(report: Report): void {
    this.#count(report.path);
    if (this.#hasSubscriber()) this.#batch.add({ ...report, seq: this.#seq });
    else this.#published.clear();
  }

  #count(path: string): void {
    this.#seq++;
    for (const part of this.#parts.values()) if (may(part.peer, 'observe', path)) part.seq++;
  }

  #hasSubscriber(): boolean {
    return this.#topics.hasSubscriber(EVENTS_TOPIC);
  }

  #publish(reports: readonly Numbered[]): void {
    for (const { seq, at, path, ...body } of reports) {
      const event = body as ReportBody;
      if (event.type === 'removed') this.#published.removed(path);
      const agent = event.type === 'removed' ? undefined : this.#agentAt(path);
      if (agent !== undefined) this.#published.agent(agent);
      const supervisor = event.type === 'supervisor' ? { path, status: event.status } : undefined;
      if (supervisor !== undefined) this.#published.supervisor(supervisor);
      this.#send({
        type: 'event',
        epoch: this.epoch,
        seq,
        at,
        path,
        event,
        ...(agent && { agent }),
        ...(supervisor && { supervisor }),
      });
    }
  }

  #publishDifference({ path, uuid, ...now }: Difference): void {
    const isGone = now.agent === undefined && now.supervisor === undefined;
    const event = isGone ? ({ type: 'removed', uuid } as const) : ({ type: 'changed' } as const);
    this.#count(path);
    this.#send({ type: 'event', epoch: this.epoch, seq: this.#seq, at: Date.now(), path, event, ...now });
  }

  #agentAt(path: string): AgentView | undefined {
    try {
      const handle = this.#tree.agent(path);
      // A supervisor's path may be an agent's id.
      return handle.path === path ? handle.view() : undefined;
    } catch (thrown) {
      const { code } = asSupertreeError(thrown);
      if (!NOT_ONE.has(code)) this.#failed(thrown);
      return undefined;
    }
  }

  #onSubscribed(topic: string): void {
    if (!EVENTS_TOPIC.startsWith(topic) && !topic.startsWith(EVENTS_TOPIC)) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#publishPosition();
    }, POSITION_SOON);
  }

  /** An event that was dropped at the end of a burst has no later event that would show the gap: so positions go on while there are subscribers. */
  #publishPosition(): void {
    clearTimeout(this.#timer);
    if (!this.#hasSubscriber()) return;
    this.#batch.flush();
    this.#send({ type: 'position', epoch: this.epoch, seq: this.#seq, at: Date.now() });
    this.#timer = setTimeout(() => this.#publishPosition(), POSITION_EVERY);
    this.#timer.unref();
  }

  #send(document: StreamEvent | StreamPosition): void {
    this.#topics.publish(EVENTS_TOPIC, () => pack(document));
  }
}
