import { childrenOf } from '../proc/proc.js';
import { afterTurns } from '../turns.js';
import { KeeperEntries } from './entries.js';
import type { KeptIncarnation } from './incarnation.js';
import { KEEPER_VERSION } from './protocol/messages.js';
import type { KeeperSession } from './session.js';

/** The keepers of one tree: the one of this version, which starts agents, and those of other versions, each until its last agent is gone. */
export class Keepers {
  /** What a successor must know: each keeper has it. */
  readonly entries = new KeeperEntries();
  readonly #others = new Set<KeeperSession>();
  readonly #retiring = new Set<KeeperSession>();
  #present: KeeperSession | undefined;
  #isClosing = false;

  /** That of this version; `undefined` without one. */
  get present(): KeeperSession | undefined {
    return this.#present;
  }

  /** True when there are others, and none of this version. */
  get lacksPresent(): boolean {
    return this.#present === undefined && this.#others.size > 0;
  }

  /** Adds keepers with what earlier programs have left in them: the entries of the last one replace those of the others. */
  add(sessions: readonly KeeperSession[]): void {
    for (const session of sessions) {
      if (session.version === KEEPER_VERSION) this.#present = session;
      else this.#others.add(session);
      this.entries.inherit(session.estate.entries);
    }
    for (const session of sessions) this.entries.connect(session, session.estate.entries);
  }

  /** It has ended. */
  remove(session: KeeperSession): void {
    if (this.#present === session) this.#present = undefined;
    this.#others.delete(session);
    this.#retiring.delete(session);
    this.entries.disconnect(session);
  }

  /** Ends those of other versions that have no agent any more. Without one of this version they stay: the entries would be lost. */
  retireIdle(): void {
    if (this.#present === undefined || this.#isClosing) return;
    for (const session of this.#others) {
      if (!session.isIdle || this.#retiring.has(session)) continue;
      this.#retiring.add(session);
      void this.#retire(session);
    }
  }

  /** Whether they keep this program alive. */
  keepAlive(isWanted: boolean): void {
    for (const session of this.#all()) session.keepAlive(isWanted);
  }

  /** Calls `done` when all have caught up. */
  whenCaughtUp(done: () => void): void {
    const sessions = this.#all();
    let left = sessions.length;
    const caughtUp = () => {
      left -= 1;
      if (left === 0) done();
    };
    if (left === 0) afterTurns(1, done);
    for (const session of sessions) session.whenCaughtUp(caughtUp);
  }

  /** The incarnation has ended. */
  forget(incarnation: KeptIncarnation): void {
    for (const session of this.#all()) session.forget(incarnation);
  }

  /** Ends all; each is killed after so many ms. */
  async close(patience: number): Promise<void> {
    this.#isClosing = true;
    await Promise.all(this.#all().map((session) => session.close(patience)));
  }

  /** Ends it when it has no child any more: an agent that was discarded has its time. */
  async #retire(session: KeeperSession): Promise<void> {
    while (!session.isClosed && childrenOf(session.pid).length > 0) await pause();
    if (session.isClosed) return;
    await session.close(PATIENCE);
    this.remove(session);
  }

  #all(): KeeperSession[] {
    return this.#present === undefined ? [...this.#others] : [...this.#others, this.#present];
  }
}

/** How long a keeper without a child may take to end itself, and the time between two looks for children, in ms. */
const PATIENCE = 10_000;
const PERIOD = 250;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PERIOD).unref());
}
