import { Subscriber } from 'zeromq';
import type { AgentView } from '../../src/contract/view.js';
import { EVENTS_TOPIC } from '../../src/control/streams/events.js';
import { unpack } from '../../src/protocol/codec.js';
import type { Snapshot, StreamEvent, StreamPosition, SupervisorMark } from '../../src/protocol/operations.js';

/** A subscriber of one topic that keeps every frame. `close` ends it. */
export function subscribe(endpoint: string, topic: string): { readonly frames: Buffer[][]; close(): Promise<void> } {
  const socket = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  socket.connect(endpoint);
  socket.subscribe(topic);
  const frames: Buffer[][] = [];
  const receiving = (async () => {
    for await (const each of socket) frames.push(each);
  })().catch((thrown: unknown) => {
    // A receive that the close has overtaken.
    if (!socket.closed) throw thrown;
  });
  return {
    frames,
    close: async () => {
      socket.close();
      await receiving;
    },
  };
}

/** The document of a frame with a topic. */
export function documentOf(frame: Buffer | undefined): unknown {
  const bytes = frame ?? Buffer.alloc(0);
  return unpack(bytes.subarray(bytes.indexOf(0) + 1));
}

/** What a program must do to know a tree: apply events in order to a snapshot, and ask for a new one when something was missed. */
export class Follower {
  readonly agents = new Map<string, AgentView>();
  readonly supervisors = new Map<string, SupervisorMark>();
  /** Every event that was received, applied or not. */
  readonly received: StreamEvent[] = [];
  readonly positions: StreamPosition[] = [];
  /** True when something was missed. */
  missed = false;
  epoch = '';
  seq = 0;
  readonly #subscription: { readonly frames: Buffer[][]; close(): Promise<void> };
  #read = 0;

  constructor(endpoint: string) {
    this.#subscription = subscribe(endpoint, EVENTS_TOPIC);
  }

  close(): Promise<void> {
    return this.#subscription.close();
  }

  begin({ epoch, seq, agents, supervisors }: Snapshot): void {
    this.missed = false;
    this.epoch = epoch;
    this.seq = seq;
    this.agents.clear();
    this.supervisors.clear();
    for (const agent of agents) this.agents.set(agent.path, agent);
    for (const mark of supervisors) this.supervisors.set(mark.path, mark);
    for (const event of this.received) if (event.epoch === epoch) this.#apply(event);
  }

  /** Takes in what has come. */
  read(): this {
    for (const [frame] of this.#subscription.frames.slice(this.#read)) {
      this.#read++;
      const document = documentOf(frame) as StreamEvent | StreamPosition;
      if (document.type === 'position') this.#place(document);
      else {
        this.received.push(document);
        this.#apply(document);
      }
    }
    return this;
  }

  /** What it knows, to be compared with a snapshot. */
  get known(): { agents: AgentView[]; supervisors: SupervisorMark[] } {
    return { agents: byPath(this.agents.values()), supervisors: byPath(this.supervisors.values()) };
  }

  #place(position: StreamPosition): void {
    this.positions.push(position);
    if (this.epoch !== '' && (position.epoch !== this.epoch || position.seq > this.seq)) this.missed = true;
  }

  #apply(event: StreamEvent): void {
    if (event.epoch !== this.epoch) {
      if (this.epoch !== '') this.missed = true;
      return;
    }
    if (event.seq <= this.seq) return;
    if (event.seq !== this.seq + 1) this.missed = true;
    this.seq = event.seq;
    if (event.event.type === 'removed') this.#remove(event.path);
    if (event.agent !== undefined) this.agents.set(event.path, event.agent);
    if (event.supervisor !== undefined) this.supervisors.set(event.path, event.supervisor);
  }

  #remove(path: string): void {
    for (const map of [this.agents, this.supervisors]) {
      for (const each of [...map.keys()]) if (each === path || each.startsWith(`${path}/`)) map.delete(each);
    }
  }
}

/** A snapshot as a follower would know it. */
export function knownIn({ agents, supervisors }: Snapshot): Follower['known'] {
  return { agents: byPath(agents), supervisors: byPath(supervisors) };
}

function byPath<T extends { readonly path: string }>(all: Iterable<T>): T[] {
  return [...all].sort((a, b) => (a.path < b.path ? -1 : 1));
}
