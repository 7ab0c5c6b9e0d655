import { SupertreeError } from '../../errors.js';
import type { ProcStat } from '../proc/proc.js';
import type { Promiser } from '../promises.js';
import { afterTurns } from '../turns.js';
import { CensusMembers } from './census-members.js';
import {
  type ConnectionListener,
  connectToKeeper,
  type Estate,
  type HistoryPart,
  type KeeperConnection,
  type KeeperRecord,
} from './connection.js';
import type { KeptIncarnation, Parent } from './incarnation.js';
import { Inherited } from './inherited.js';
import { type LaunchOptions, launchKeeper } from './launch.js';
import { type Identity, ParentageMembers } from './membership.js';
import { Pings } from './pings.js';
import { KEEPER_VERSION, type ToKeeper } from './protocol/messages.js';
import { reconnect } from './reconnect.js';
import type { RunningKeeper } from './running-keeper.js';
import { within } from './within.js';

/** The receiver of what a keeper reports about itself. */
export interface SessionListener {
  /** It has ended by itself; `how` is a part of a sentence. Its incarnations may still have processes. */
  lost(session: KeeperSession, how: string): void;
  /** It has a problem that belongs to no incarnation. */
  problem(text: string): void;
  /** It has no incarnation any more, adopted or not. Those that were discarded may still run. */
  idle(session: KeeperSession): void;
}

/** Starts a keeper and connects to it. Rejects KEEPER_UNAVAILABLE. `abort` ends a start that is under way. */
export async function openSession(
  options: LaunchOptions,
  listener: SessionListener,
  abort: AbortSignal,
): Promise<KeeperSession> {
  const launched = await launchKeeper(options, abort);
  try {
    const connection = await connectToKeeper(launched);
    if (connection.version !== KEEPER_VERSION) throw replaced(connection.version);
    return new KeeperSession(launched.process, connection, listener);
  } catch (thrown) {
    await launched.process.end();
    throw thrown;
  }
}

/** Its `start` may be another one. */
function replaced(version: number): SupertreeError {
  const problem = `its program has the version ${version}, not ${KEEPER_VERSION}: the package was replaced while this program runs, which must be started again`;
  return new SupertreeError('KEEPER_UNAVAILABLE', { problem });
}

/** Finds the living processes of incarnations. */
interface Members {
  of(identity: Identity): ProcStat[];
  /** The incarnation has ended. */
  forget(identity: Identity): void;
}

/** One keeper and the incarnations that it runs, from its start to its end. */
export class KeeperSession implements Parent, ConnectionListener {
  readonly #process: RunningKeeper;
  readonly #connection: KeeperConnection;
  readonly #listener: SessionListener;
  readonly #incarnations = new Map<number, KeptIncarnation>();
  /** The agents of an earlier program that no incarnation has adopted with all its records. */
  readonly #inherited = new Map<number, Inherited>();
  readonly #members: Members;
  readonly #pings: Pings;
  #isClosing = false;
  #isLooking = false;

  constructor(process: RunningKeeper, connection: KeeperConnection, listener: SessionListener) {
    this.#process = process;
    this.#connection = connection;
    this.#listener = listener;
    this.#members =
      this.weakness === null
        ? new ParentageMembers(connection.welcome.pid, () => this.#identities())
        : new CensusMembers(() => this.#look());
    this.#pings = new Pings(
      (round) => connection.send({ type: 'ping', round }),
      (silence) => this.#silent(silence),
    );
    connection.listener = this;
    process.detach();
  }

  get pid(): number {
    return this.#connection.welcome.pid;
  }

  /** The version of the keeper. */
  get version(): number {
    return this.#connection.version;
  }

  /** True when it has ended or is about to end. */
  get isClosed(): boolean {
    return this.#isClosing;
  }

  /** True when it has no incarnation, adopted or not. */
  get isIdle(): boolean {
    return this.#incarnations.size === 0 && this.#inherited.size === 0;
  }

  /** Why it works without native code; `null` when it has that. */
  get weakness(): string | null {
    return this.#connection.welcome.weakness;
  }

  get promiser(): Promiser {
    return this.weakness === null ? 'keeper' : 'keeper without koffi';
  }

  /** What an earlier program has left. */
  get estate(): Estate {
    return this.#connection.estate;
  }

  /** The incarnations that it runs. */
  get incarnations(): Iterable<KeptIncarnation> {
    return this.#incarnations.values();
  }

  run(incarnation: KeptIncarnation): void {
    this.#incarnations.set(incarnation.agent, incarnation);
    incarnation.run(this);
  }

  /**
   * Adopts all agents of an earlier program, and resolves when what they had printed and what had become of them is here. Rejects KEEPER_UNAVAILABLE when
   * the keeper ends meanwhile, or does not answer for a minute: then it keeps the agents for another program.
   */
  async takeOver(): Promise<void> {
    for (const agent of this.#connection.estate.agents) {
      this.#inherited.set(agent.agent, new Inherited(agent));
      this.send({ type: 'adopt', agent: agent.agent });
    }
    const answered = new Promise<boolean>((resolve) => this.#pings.ping(resolve));
    if (await Promise.race([answered, this.#connection.ended])) return;
    this.#isClosing = true;
    this.#connection.giveUp('it did not answer while its agents were taken over');
    await this.#connection.ended;
  }

  /** Leaves it with all its agents to another program. */
  abandon(): void {
    this.#isClosing = true;
    this.#connection.giveUp('it is left to another program');
  }

  /** The agents of an earlier program that were not adopted. */
  get inherited(): Iterable<Inherited> {
    return this.#inherited.values();
  }

  /** The incarnation is one that an earlier program has started: it gets its records from the first on. */
  adopt(incarnation: KeptIncarnation, inherited: Inherited): void {
    this.#incarnations.set(incarnation.agent, incarnation);
    incarnation.adopt(this, inherited.agent);
    setImmediate(() => void this.#replay(incarnation, inherited));
  }

  /** Kills it, and resolves when no process of it is left, or with false after so many ms. */
  async kill({ agent: { agent }, gone }: Inherited, patience: number): Promise<boolean> {
    this.send({ type: 'kill', agent, after: 0 });
    return within(
      patience,
      gone.then(() => true),
      false,
    );
  }

  /** Nobody will adopt it. */
  discard({ agent }: Inherited): void {
    this.send({ type: 'discard', agent: agent.agent });
    this.#release(agent.agent);
  }

  /** The incarnation has ended. */
  forget(incarnation: KeptIncarnation): void {
    if (this.#incarnations.get(incarnation.agent) !== incarnation) return;
    this.#incarnations.delete(incarnation.agent);
    this.#members.forget(incarnation.identity);
    if (this.isIdle) this.#listener.idle(this);
  }

  send(message: ToKeeper): void {
    this.#connection.send(message);
  }

  membersOf(identity: Identity): ProcStat[] {
    return this.#members.of(identity);
  }

  /** Whether it keeps this program alive. */
  keepAlive(isWanted: boolean): void {
    this.#connection.keepAlive(isWanted);
  }

  record(record: KeeperRecord): boolean {
    const inherited = this.#inherited.get(record.agent);
    if (inherited === undefined) this.#incarnations.get(record.agent)?.record(record);
    else inherited.addRecord(record);
    return inherited === undefined;
  }

  /** Calls `done` when it has answered two pings: records that came before the first answer make room for those that come before the second. */
  whenCaughtUp(done: () => void): void {
    this.#ping(() => this.#ping(done));
  }

  pong(round: number): void {
    this.#pings.answered(round);
  }

  history(part: HistoryPart): void {
    this.#inherited.get(part.agent)?.addHistory(part);
  }

  problem(text: string): void {
    this.#listener.problem(text);
  }

  async cut(problem: string): Promise<void> {
    const isBack = await reconnect(this.#connection, this.#process, problem);
    if (isBack && !this.#isClosing) this.#process.detach();
  }

  closed(problem: string): void {
    this.#pings.close();
    if (this.#isClosing) return;
    this.#isClosing = true;
    void this.#end(problem);
  }

  /** Ends the keeper, which is killed after so many ms. The incarnations that it runs must have ended. */
  async close(patience: number): Promise<void> {
    this.#isClosing = true;
    this.send({ type: 'end' });
    this.#connection.close();
    await this.#process.end(patience);
  }

  /** At most once in a turn of the event loop: one look of the keeper serves all its agents. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.send({ type: 'look' });
    setImmediate(() => {
      this.#isLooking = false;
    });
  }

  /** Microtasks run between two records, as for those that come directly. */
  async #replay(incarnation: KeptIncarnation, inherited: Inherited): Promise<void> {
    const { agent } = incarnation;
    incarnation.begin();
    for (let record = inherited.takeRecord(); record !== undefined; record = inherited.takeRecord()) {
      incarnation.record(record);
      this.send({ type: 'acknowledge', agent, record: record.record });
      await null;
    }
    this.#release(agent);
  }

  #release(agent: number): void {
    this.#inherited.delete(agent);
    if (this.isIdle) this.#listener.idle(this);
  }

  /** Several that ask in one turn share a ping. The records that have come are read before it is sent, so that the keeper has room for more. */
  #ping(done: () => void): void {
    afterTurns(1, () => this.#pings.ping(done));
  }

  #silent(ms: number): void {
    this.problem(`the keeper, process ${this.pid}, has not answered for ${ms} ms; deadlines of its agents wait for it`);
  }

  /** Without its connection a keeper is of no use: it is killed if it does not end by itself. */
  async #end(problem: string): Promise<void> {
    const how = await this.#process.endedWithin(GRACE);
    await this.#process.end();
    this.#listener.lost(this, how ?? problem);
  }

  *#identities(): Generator<Identity> {
    for (const { identity } of this.#incarnations.values()) yield identity;
  }
}

/** How long after its connection was closed a keeper may be seen to have ended by itself, in ms. */
const GRACE = 1000;
