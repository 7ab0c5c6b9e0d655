import { createHash } from 'node:crypto';
import type { Clock } from '../../contract/clock.js';
import type { Store } from '../../contract/store.js';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import type { Driver, Incarnation, Kept, Sink, StartOrder } from '../driver.js';
import { OomDetector } from '../local/oom.js';
import { SpawnQueue } from '../local/spawn-queue.js';
import { reapOrphansIfFirst, reapOrphansIfSubreaper } from '../orphans.js';
import { weaknessText } from '../promises.js';
import { type KeeperContext, KeptIncarnation } from './incarnation.js';
import { inheritSessions, type StatePlace } from './inherit.js';
import { Keepers } from './keepers.js';
import { KeptAgents, type KeptBelow } from './kept-agents.js';
import type { KeeperAddress } from './launch.js';
import { KEEPER_VERSION } from './protocol/messages.js';
import { type KeeperSession, openSession, type SessionListener } from './session.js';
import { stateSocket } from './state-sockets.js';
import { endStranded, identitiesWith, keeperOfTokens } from './stranded.js';

export interface KeeperDriverOptions {
  /** The time of facts that no keeper reports, and the delays between checks. */
  readonly clock: Clock;
  /** The name of the tree, which ps(1) shows for the keeper. If not given, `root`. */
  readonly tree?: string;
  /** Called with problems of the keeper that belong to no agent. If not given, they are ignored. */
  readonly report?: (problem: string) => void;
  /** The program of the keeper, for Node. If not given, that of this package. */
  readonly program?: string;
  /** Keeps the agents when this program ends without a close, for a successor that knows the directory and the secret. If not given, they are ended. */
  readonly keep?: StatePlace;
  /** False for a keeper that works as where koffi cannot be loaded (docs/drivers.md). If not given, true: it uses native code where that works. */
  readonly native?: boolean;
}

/**
 * The driver that runs each agent as a child of a keeper: a small process of its own, which is the parent of the agents and of every orphan that they
 * leave. It is started with the first agent. It ends all agents, by their stop stages, when this program ends, however that happens. When the keeper itself
 * is killed, its agents are killed and reported as lost, and the next start starts another keeper. Throws PLATFORM on a system without Linux's /proc.
 */
export function createKeeperDriver(options: KeeperDriverOptions): Driver {
  if (process.platform !== 'linux') throw new SupertreeError('PLATFORM', { platform: process.platform });
  return new KeeperDriver(options);
}

/** A driver whose agents outlive the program, and the entries that its successor gets. */
export interface KeepingDriver {
  readonly driver: Driver;
  readonly store: Store;
}

/**
 * A driver whose keeper outlives this program, with all its agents. Keepers that earlier programs have left in the directory are taken over. One of another
 * version has its agents until they end, starts none, and ends after the last one. Rejects KEEPER_UNAVAILABLE, with the `socket` of a keeper that has another
 * secret, a version that is not understood, or a program. Throws PLATFORM as `createKeeperDriver`.
 */
export async function openKeepingDriver(
  options: KeeperDriverOptions & { readonly keep: StatePlace },
): Promise<KeepingDriver> {
  if (process.platform !== 'linux') throw new SupertreeError('PLATFORM', { platform: process.platform });
  const driver = new KeeperDriver(options);
  await driver.inherit(options.keep);
  return { driver, store: driver.entries };
}

class KeeperDriver implements Driver, SessionListener {
  readonly #keepers = new Keepers();
  readonly #kept = new KeptAgents((problem) => this.problem(problem));
  readonly #options: KeeperDriverOptions;
  readonly #living = new Set<KeptIncarnation>();
  readonly #queue: SpawnQueue;
  readonly #abort = new AbortController();
  /** The tokens of agents that a successor may find begin with this. */
  readonly #prefix: string;
  #context: KeeperContext | undefined;
  #lastAgent = 0;
  /** Incarnations that wait for a keeper. */
  #waiting: { readonly incarnation: KeptIncarnation; readonly isFirst: boolean }[] = [];
  #isWeaknessReported = false;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #allEnded: (() => void) | undefined;

  constructor(options: KeeperDriverOptions) {
    this.#options = options;
    this.#prefix = options.keep === undefined ? '' : prefixOf(options.keep);
    this.#queue = new SpawnQueue(options.clock, STARTS_AT_A_TIME);
  }

  /** What a successor must know. */
  get entries(): Store {
    return this.#keepers.entries;
  }

  /** Takes over the keepers that earlier programs have left. What agents of a keeper that was killed as well have left is killed. */
  async inherit(place: StatePlace): Promise<void> {
    reapOrphansIfFirst((problem) => this.problem(problem));
    const sessions = await inheritSessions(place, this);
    this.#refuseUnknownKeeper(sessions);
    const tokens = new Set(sessions.flatMap(({ estate }) => estate.agents.map(({ token }) => token)));
    this.#keepers.add(sessions);
    await Promise.all(sessions.map((session) => this.#kept.take(session)));
    for (const session of sessions) this.#introduce(session);
    const stranded = identitiesWith(this.#prefix).filter(({ token }) => !tokens.has(token));
    await endStranded(stranded, this.#options.clock, ({ token }) => this.#killed(token));
    this.#keepers.keepAlive(false);
    if (this.#keepers.lacksPresent) this.#opening ??= this.#open();
    await this.#opening;
    this.#keepers.retireIdle();
  }

  #introduce(session: KeeperSession): void {
    this.#lastAgent = Math.max(this.#lastAgent, ...session.estate.agents.map(({ agent }) => agent));
    this.#reportWeakness(session);
    const living = [...session.inherited].filter(({ hasEnded }) => !hasEnded).length;
    if (session.version !== KEEPER_VERSION && living > 0) this.problem(otherVersion(session, living));
  }

  /** Of agents below a keeper that cannot be reached, another keeper would start each a second time. Throws KEEPER_UNAVAILABLE. */
  #refuseUnknownKeeper(sessions: readonly KeeperSession[]): void {
    const pid = keeperOfTokens(this.#prefix, new Set(sessions.map((session) => session.pid)));
    if (pid === undefined) return;
    for (const session of sessions) session.abandon();
    throw new SupertreeError('KEEPER_UNAVAILABLE', {
      problem: `process ${pid} is a keeper that has such agents, and does not listen`,
    });
  }

  kept(path: string): Kept | undefined {
    return this.#kept.get(path)?.inherited;
  }

  discardKept(): void {
    this.#kept.discard();
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    const kept = this.#kept.get(order.path);
    const marked = { ...order, token: `${this.#prefix}${order.token}` };
    const isKept = kept?.inherited.incarnation === order.incarnation;
    if (!isKept) this.#lastAgent += 1;
    const number = isKept ? kept.inherited.agent.agent : this.#lastAgent;
    const incarnation = new KeptIncarnation(number, marked, sink, this.#sharedContext());
    if (this.#living.size === 0) this.#keepers.keepAlive(true);
    this.#living.add(incarnation);
    if (isKept) this.#adopt(incarnation, kept);
    else if (this.#closing) this.#options.clock.defer(() => incarnation.refuse('the driver is closed'));
    else this.#enqueue(incarnation, order.incarnation === 1);
    return incarnation;
  }

  whenCaughtUp(done: () => void): void {
    this.#keepers.whenCaughtUp(done);
  }

  #killed(token: string): void {
    this.problem(
      `an agent of an earlier server, whose keeper was killed as well, was killed: SUPERTREE_TOKEN=${token}`,
    );
  }

  #adopt(incarnation: KeptIncarnation, { inherited, session }: KeptBelow): void {
    this.#kept.delete(inherited.agent.path);
    session.adopt(incarnation, inherited);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** The keeper has ended by itself. What it leaves may come to this process. */
  async lost(session: KeeperSession, how: string): Promise<void> {
    void reapOrphansIfSubreaper();
    this.#keepers.remove(session);
    const incarnations = new Map([...session.incarnations].map((incarnation) => [incarnation.identity, incarnation]));
    const kept = this.#kept.lose(session);
    await endStranded([...incarnations.keys(), ...kept], this.#options.clock, (identity) =>
      incarnations.get(identity)?.lost(`its keeper, pid ${session.pid}, is gone: ${how}`),
    );
  }

  idle(): void {
    this.#keepers.retireIdle();
  }

  problem(text: string): void {
    this.#options.report?.(text);
  }

  /** Once: a keeper that is started after another one was killed is as weak as that. */
  #reportWeakness({ weakness }: KeeperSession): void {
    if (weakness !== null && !this.#isWeaknessReported) this.problem(weaknessText(weakness));
    this.#isWeaknessReported = weakness !== null;
  }

  #sharedContext(): KeeperContext {
    this.#context ??= {
      clock: this.#options.clock,
      oom: new OomDetector(),
      answered: () => this.#queue.done(),
      ended: (incarnation) => this.#ended(incarnation),
    };
    return this.#context;
  }

  #enqueue(incarnation: KeptIncarnation, isFirst: boolean): void {
    if (this.#keepers.present !== undefined) return this.#queue.push(() => this.#run(incarnation, isFirst), isFirst);
    this.#waiting.push({ incarnation, isFirst });
    this.#opening ??= this.#open();
  }

  /** Either may have ended while the incarnation was queued: the keeper, or the incarnation itself. */
  #run(incarnation: KeptIncarnation, isFirst: boolean): void {
    if (!this.#living.has(incarnation)) return this.#queue.done();
    if (this.#keepers.present !== undefined) return this.#keepers.present.run(incarnation);
    this.#queue.done();
    this.#enqueue(incarnation, isFirst);
  }

  async #open(): Promise<void> {
    reapOrphansIfFirst((problem) => this.problem(problem));
    try {
      const { tree = 'root', program, keep, native = true } = this.#options;
      const launch = {
        tree,
        native,
        ...(program !== undefined && { program }),
        ...(keep !== undefined && { keep: addressOf(keep) }),
      };
      const session = await openSession(launch, this, this.#abort.signal);
      this.#keepers.add([session]);
      this.#reportWeakness(session);
      session.keepAlive(this.#living.size > 0);
      this.#keepers.retireIdle();
      for (const { incarnation, isFirst } of this.#waiting.splice(0)) this.#enqueue(incarnation, isFirst);
    } catch (thrown) {
      const problem = asSupertreeError(thrown).toLine();
      for (const { incarnation } of this.#waiting.splice(0)) incarnation.refuse(problem);
    } finally {
      this.#opening = undefined;
    }
  }

  async #end(): Promise<void> {
    this.#abort.abort();
    for (const incarnation of this.#living) {
      incarnation.kill();
      incarnation.drain();
    }
    if (this.#living.size > 0) {
      await new Promise<void>((resolve) => {
        this.#allEnded = resolve;
      });
    }
    await this.#opening;
    await this.#keepers.close(this.#kept.size > 0 ? LONGEST_END : PATIENCE);
  }

  #ended(incarnation: KeptIncarnation): void {
    this.#living.delete(incarnation);
    this.#keepers.forget(incarnation);
    if (this.#living.size > 0) return;
    this.#keepers.keepAlive(false);
    this.#allEnded?.();
  }
}

/** Known to whoever knows the secret, which it does not reveal. */
function prefixOf({ secret }: StatePlace): string {
  return `${createHash('sha256').update(secret).digest('hex').slice(0, 16)}.`;
}

function addressOf({ directory, secret }: StatePlace): KeeperAddress {
  return { socket: stateSocket(directory), secret };
}

function otherVersion({ pid, version }: KeeperSession, agents: number): string {
  const which = agents === 1 ? 'its agent runs' : `its ${agents} agents run`;
  return `process ${pid} is a keeper of another release (version ${version}, not ${KEEPER_VERSION}): ${which} on below it, and the next incarnations below a keeper of this release`;
}

/** How long a keeper may take to end itself, in ms: one whose agents have ended, and one that ends those that were not adopted. */
const PATIENCE = 10_000;
const LONGEST_END = 120_000;

/** The number of starts that a keeper has to do at a time. A first start waits for these alone, however many restarts are due. */
const STARTS_AT_A_TIME = 8;
