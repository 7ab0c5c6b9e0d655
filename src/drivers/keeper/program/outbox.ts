import { fromKeeper } from '../protocol/codec.js';
import { type FromKeeper, STREAM } from '../protocol/messages.js';
import type { Replayed } from './agent-output.js';
import { Records } from './records.js';

/** A message about an agent, without the numbers of agent and record. */
export type Entry = FromKeeper extends infer M
  ? M extends { record: number }
    ? Omit<M, 'agent' | 'record'>
    : never
  : never;

/** The connection as an agent sees it. */
export interface Outlet {
  /** Sends a message; drops it while there is no connection. */
  send(message: Buffer): void;
  /** True while earlier messages wait to be sent. */
  readonly isCongested: boolean;
  /** False when the program above is gone. */
  readonly isOpen: boolean;
}

/**
 * The records of one agent on their way to the program that has started or adopted it. While there is none, a successor may come: records are kept for it,
 * except those that answer commands of the earlier program, and those of output, which is in the history.
 */
export class Outbox {
  readonly #agent: number;
  readonly #outlet: Outlet;
  readonly #records = new Records(WINDOW);
  /** Records without which a successor cannot know what state the agent is in, also when an earlier program has acknowledged them. */
  readonly #milestones: Buffer[] = [];
  #isClaimed = true;
  #keeps: boolean;

  /** `keeps`: whether a successor may come. */
  constructor(agent: number, outlet: Outlet, keeps: boolean) {
    this.#agent = agent;
    this.#outlet = outlet;
    this.#keeps = keeps;
  }

  /** True when every record is acknowledged. */
  get isEmpty(): boolean {
    return this.#records.isEmpty;
  }

  /** True while the program above has the agent, or a successor may. */
  get isWanted(): boolean {
    return this.#isHeard || this.#keeps;
  }

  /** False while the output should not be read. */
  get hasRoom(): boolean {
    return !this.#isHeard || !(this.#records.isFull || this.#outlet.isCongested);
  }

  add(entry: Entry): void {
    const isHeard = this.#isHeard;
    if (!isHeard && (!this.#keeps || isVolatile(entry))) return;
    const encode = (record: number) => fromKeeper.encode({ ...entry, agent: this.#agent, record } as FromKeeper);
    const record = this.#records.add(encode, isVolatile(entry));
    if (this.#keeps && MILESTONES.has(entry.type)) this.#milestones.push(record);
    if (isHeard) this.#outlet.send(record);
  }

  /** Drops all records up to this number. */
  acknowledge(record: number): void {
    this.#records.acknowledge(record);
  }

  /** The program is gone. */
  abandon(): void {
    this.#isClaimed = false;
    this.#records.dropVolatile();
  }

  /** Another program takes over: sends the history and the records that are kept. False when the agent has a program. */
  adopt(history: Iterable<Replayed>): boolean {
    if (this.#isClaimed) return false;
    this.#isClaimed = true;
    for (const part of history) this.#outlet.send(fromKeeper.encode({ type: 'history', agent: this.#agent, ...part }));
    const records = this.#records.all();
    const known = this.#milestones.filter((record) => !records.includes(record));
    for (const record of [...known, ...records]) this.#outlet.send(record);
    return true;
  }

  /** No program wants the agent. */
  discard(): void {
    this.#keeps = false;
    this.#isClaimed = false;
    this.#records.acknowledge(Number.POSITIVE_INFINITY);
  }

  get #isHeard(): boolean {
    return this.#isClaimed && this.#outlet.isOpen;
  }
}

const MILESTONES: ReadonlySet<Entry['type']> = new Set<Entry['type']>(['closed', 'exited']);

function isVolatile(entry: Entry): boolean {
  if (entry.type === 'output') return entry.stream !== STREAM.notify;
  return entry.type === 'taken' || entry.type === 'frozen';
}

/** How much output of one agent may be unacknowledged, in bytes. */
const WINDOW = 262_144;
