import type { Clock } from '../../contract/clock.js';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import type { Driver, Incarnation, Sink, StartOrder } from '../driver.js';
import { OomDetector } from '../local/oom.js';
import { SpawnQueue } from '../local/spawn-queue.js';
import { afterTurns } from '../turns.js';
import { type KeeperContext, KeptIncarnation } from './incarnation.js';
import { type KeeperSession, openSession, type SessionListener } from './session.js';
import { endStranded } from './stranded.js';

export interface KeeperDriverOptions {
  /** The time of facts that no keeper reports, and the delays between checks. */
  readonly clock: Clock;
  /** The name of the tree, which ps(1) shows for the keeper. If not given, `root`. */
  readonly tree?: string;
  /** Called with problems of the keeper that belong to no agent. If not given, they are ignored. */
  readonly report?: (problem: string) => void;
  /** The program of the keeper, for Node. If not given, that of this package. */
  readonly program?: string;
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

class KeeperDriver implements Driver, SessionListener {
  readonly #options: KeeperDriverOptions;
  readonly #living = new Set<KeptIncarnation>();
  readonly #queue: SpawnQueue;
  readonly #abort = new AbortController();
  #context: KeeperContext | undefined;
  #lastAgent = 0;
  /** Incarnations that wait for a keeper. */
  #waiting: { readonly incarnation: KeptIncarnation; readonly isFirst: boolean }[] = [];
  #session: KeeperSession | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #allEnded: (() => void) | undefined;

  constructor(options: KeeperDriverOptions) {
    this.#options = options;
    this.#queue = new SpawnQueue(options.clock, STARTS_AT_A_TIME);
  }

  start(order: StartOrder, sink: Sink): Incarnation {
    this.#lastAgent += 1;
    const incarnation = new KeptIncarnation(this.#lastAgent, order, sink, this.#sharedContext());
    if (this.#living.size === 0) this.#session?.keepAlive(true);
    this.#living.add(incarnation);
    if (this.#closing) this.#options.clock.defer(() => incarnation.refuse('the driver is closed'));
    else this.#enqueue(incarnation, order.incarnation === 1);
    return incarnation;
  }

  whenCaughtUp(done: () => void): void {
    if (this.#session === undefined) afterTurns(1, done);
    else this.#session.whenCaughtUp(done);
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  /** The keeper has ended by itself. */
  async lost(session: KeeperSession, how: string): Promise<void> {
    if (this.#session === session) this.#session = undefined;
    const incarnations = new Map([...session.incarnations].map((incarnation) => [incarnation.identity, incarnation]));
    await endStranded([...incarnations.keys()], this.#options.clock, (identity) =>
      incarnations.get(identity)!.lost(`its keeper, pid ${session.pid}, is gone: ${how}`),
    );
  }

  problem(text: string): void {
    this.#options.report?.(text);
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
    try {
      const { tree = 'root', program } = this.#options;
      const launch = program === undefined ? { tree } : { tree, program };
      this.#session = await openSession(launch, this, this.#abort.signal);
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
    await this.#session?.close();
  }

  #ended(incarnation: KeptIncarnation): void {
    this.#living.delete(incarnation);
    this.#session?.forget(incarnation);
    if (this.#living.size > 0) return;
    this.#session?.keepAlive(false);
    this.#allEnded?.();
  }
}

/** The number of starts that a keeper has to do at a time. A first start waits for these alone, however many restarts are due. */
const STARTS_AT_A_TIME = 8;
