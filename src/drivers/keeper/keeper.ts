import { createHash } from 'node:crypto';
import type { Clock } from '../../contract/clock.js';
import type { Store } from '../../contract/store.js';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import { isHookPath } from '../../model/hook.js';
import type { Driver, Incarnation, Kept, Sink, StartOrder } from '../driver.js';
import { OomDetector } from '../local/oom.js';
import { SpawnQueue } from '../local/spawn-queue.js';
import { reapOrphansIfFirst, reapOrphansIfSubreaper } from '../orphans.js';
import { weaknessText } from '../promises.js';
import { afterTurns } from '../turns.js';
import { isListening } from './connection.js';
import { KeeperEntries } from './entries.js';
import { type KeeperContext, KeptIncarnation } from './incarnation.js';
import type { Inherited } from './inherited.js';
import type { KeeperAddress } from './launch.js';
import { identityOf } from './membership.js';
import { inheritSession, type KeeperSession, openSession, type SessionListener } from './session.js';
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
  /** Keeps the agents when this program ends without a close, for a successor that knows the address. If not given, they are ended. */
  readonly keep?: KeeperAddress;
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
 * A driver whose keeper outlives this program, with all its agents. Where an earlier program has left such a keeper at the address, it is taken over. Rejects
 * KEEPER_UNAVAILABLE when that keeper has another secret, another version, or a program. Throws PLATFORM as `createKeeperDriver`.
 */
export async function openKeepingDriver(
  options: KeeperDriverOptions & { readonly keep: KeeperAddress },
): Promise<KeepingDriver> {
  if (process.platform !== 'linux') throw new SupertreeError('PLATFORM', { platform: process.platform });
  const driver = new KeeperDriver(options);
  await driver.inherit(options.keep);
  return { driver, store: driver.entries };
}

class KeeperDriver implements Driver, SessionListener {
  /** What a successor must know. */
  readonly entries = new KeeperEntries();
  /** By path: incarnations of an earlier program that were not adopted. */
  readonly #kept = new Map<string, Inherited>();
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
  #session: KeeperSession | undefined;
  #isWeaknessReported = false;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #allEnded: (() => void) | undefined;

  constructor(options: KeeperDriverOptions) {
    this.#options = options;
    this.#prefix = options.keep === undefined ? '' : prefixOf(options.keep);
    this.#queue = new SpawnQueue(options.clock, STARTS_AT_A_TIME);
  }

  /** Takes over the keeper that an earlier program has left at the address. Without one, kills what agents of a keeper that was killed as well have left. */
  async inherit(address: KeeperAddress): Promise<void> {
    reapOrphansIfFirst((problem) => this.problem(problem));
    const session = await inheritSession(address, this).catch(async (thrown: unknown) => {
      // A keeper that is killed meanwhile leaves what one leaves that was killed before.
      if (await isListening(address.socket)) throw thrown;
      return null;
    });
    if (session === null) this.#refuseSecondKeeper();
    if (session === null)
      return endStranded(identitiesWith(this.#prefix), this.#options.clock, ({ token }) => this.#killed(token));
    this.#session = session;
    this.#reportWeakness(session);
    this.entries.inherit(session.estate.entries);
    this.entries.connect((message) => session.send(message));
    const hooks: Inherited[] = [];
    for (const inherited of session.inherited) {
      if (isHookPath(inherited.agent.path)) hooks.push(inherited);
      else this.#kept.set(inherited.agent.path, inherited);
      this.#lastAgent = Math.max(this.#lastAgent, inherited.agent.agent);
    }
    await Promise.all(hooks.map((hook) => this.#endHook(session, hook)));
    session.keepAlive(false);
  }

  /** Of agents below a keeper that cannot be reached, a second keeper would start each a second time. Throws KEEPER_UNAVAILABLE. */
  #refuseSecondKeeper(): void {
    const pid = keeperOfTokens(this.#prefix);
    if (pid === undefined) return;
    throw new SupertreeError('KEEPER_UNAVAILABLE', {
      problem: `process ${pid} is a keeper that has such agents, and does not listen`,
    });
  }

  /** No hook is adopted: what is left of it is killed before anything of its agent can start. */
  async #endHook(session: KeeperSession, hook: Inherited): Promise<void> {
    const { path, pid } = hook.agent;
    if (!(await session.kill(hook, HOOK_PATIENCE)))
      this.problem(`hook ${path} of an earlier server, process ${pid}, cannot be killed`);
    session.discard(hook);
  }

  kept(path: string): Kept | undefined {
    return this.#kept.get(path);
  }

  discardKept(): void {
    for (const inherited of this.#kept.values()) {
      const { path, pid } = inherited.agent;
      this.#session?.discard(inherited);
      if (!inherited.hasEnded)
        this.problem(`process ${pid} of an earlier server is ended: the tree has no agent ${path} any more`);
    }
    this.#kept.clear();
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    const kept = this.#kept.get(order.path);
    const marked = { ...order, token: `${this.#prefix}${order.token}` };
    const isKept = kept !== undefined && kept.incarnation === order.incarnation && this.#session !== undefined;
    if (!isKept) this.#lastAgent += 1;
    const number = isKept ? kept.agent.agent : this.#lastAgent;
    const incarnation = new KeptIncarnation(number, marked, sink, this.#sharedContext());
    if (this.#living.size === 0) this.#session?.keepAlive(true);
    this.#living.add(incarnation);
    if (isKept) this.#adopt(incarnation, kept);
    else if (this.#closing) this.#options.clock.defer(() => incarnation.refuse('the driver is closed'));
    else this.#enqueue(incarnation, order.incarnation === 1);
    return incarnation;
  }

  whenCaughtUp(done: () => void): void {
    if (this.#session === undefined) afterTurns(1, done);
    else this.#session.whenCaughtUp(done);
  }

  #killed(token: string): void {
    this.problem(
      `an agent of an earlier server, whose keeper was killed as well, was killed: SUPERTREE_TOKEN=${token}`,
    );
  }

  #adopt(incarnation: KeptIncarnation, inherited: Inherited): void {
    this.#kept.delete(inherited.agent.path);
    this.#session!.adopt(incarnation, inherited);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** The keeper has ended by itself. What it leaves may come to this process. */
  async lost(session: KeeperSession, how: string): Promise<void> {
    void reapOrphansIfSubreaper();
    if (this.#session === session) {
      this.#session = undefined;
      this.entries.connect(null);
    }
    const incarnations = new Map([...session.incarnations].map((incarnation) => [incarnation.identity, incarnation]));
    const kept = [...this.#kept.values()].map(({ agent }) => identityOf(agent));
    this.#kept.clear();
    await endStranded([...incarnations.keys(), ...kept], this.#options.clock, (identity) =>
      incarnations.get(identity)?.lost(`its keeper, pid ${session.pid}, is gone: ${how}`),
    );
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
    if (this.#session !== undefined) return this.#queue.push(() => this.#run(incarnation, isFirst), isFirst);
    this.#waiting.push({ incarnation, isFirst });
    this.#opening ??= this.#open();
  }

  /** Either may have ended while the incarnation was queued: the keeper, or the incarnation itself. */
  #run(incarnation: KeptIncarnation, isFirst: boolean): void {
    if (!this.#living.has(incarnation)) return this.#queue.done();
    if (this.#session !== undefined) return this.#session.run(incarnation);
    this.#queue.done();
    this.#enqueue(incarnation, isFirst);
  }

  async #open(): Promise<void> {
    reapOrphansIfFirst((problem) => this.problem(problem));
    try {
      const { tree = 'root', program, keep, native = true } = this.#options;
      const launch = { tree, native, ...(program !== undefined && { program }), ...(keep !== undefined && { keep }) };
      const session = await openSession(launch, this, this.#abort.signal);
      this.#session = session;
      this.#reportWeakness(session);
      this.entries.connect((message) => session.send(message), true);
      this.#session.keepAlive(this.#living.size > 0);
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
    await this.#session?.close(this.#kept.size > 0 ? LONGEST_END : PATIENCE);
  }

  #ended(incarnation: KeptIncarnation): void {
    this.#living.delete(incarnation);
    this.#session?.forget(incarnation);
    if (this.#living.size > 0) return;
    this.#session?.keepAlive(false);
    this.#allEnded?.();
  }
}

/** Known to whoever knows the secret, which it does not reveal. */
function prefixOf({ secret }: KeeperAddress): string {
  return `${createHash('sha256').update(secret).digest('hex').slice(0, 16)}.`;
}

/** How long a keeper may take to end itself, in ms: one whose agents have ended, and one that ends those that were not adopted. */
const PATIENCE = 10_000;
const LONGEST_END = 120_000;

/** The number of starts that a keeper has to do at a time. A first start waits for these alone, however many restarts are due. */
const STARTS_AT_A_TIME = 8;

/** How long a hook of an earlier program may take to end after SIGKILL, in ms. */
const HOOK_PATIENCE = 10_000;
