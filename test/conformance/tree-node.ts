import type { Answer, Effect, Engine, Fact } from '../../src/model/fact.js';
import { createPool } from '../../src/model/pool.js';
import type { Reason } from '../../src/model/reason.js';
import type { NodeSpec, PoolSpec, SupervisorSpec } from '../../src/model/spec.js';
import { createSupervision } from '../../src/model/supervision.js';
import { START_FAILED } from './harness.js';

/** An agent with a process. */
interface Life {
  readonly generation: number;
  phase: 'starting' | 'up' | 'stopping' | 'stuck';
  /** A zombie that was never ready. */
  hasFailed: boolean;
}

/** What the supervisors of one tree have in common. */
export interface Shared {
  now: number;
  readonly violations: string[];
  /** `s start-failed a,b` for each end of a supervisor, with those that it leaves. */
  readonly ends: string[];
  /** By path: the last incarnation of a child, and the last instance of a pool. */
  readonly generations: Map<string, number>;
  readonly instances: Map<string, number>;
  /** Ends of delays, which begin no step before all others are over. */
  readonly deferred: (() => void)[];
}

/**
 * A supervisor of a virtual tree: it performs the effects of its engine as the actors do. Its children are agents that live in a Map, until the test says
 * otherwise, and other such supervisors. The delay after a failed start is held: OTP's message to itself (R8).
 */
export class Node {
  readonly children = new Map<string, Node | null>();
  readonly lives = new Map<string, Life>();
  readonly specs = new Map<string, NodeSpec>();
  engine: Engine;
  log: string[] = [];
  readonly killed = new Set<string>();
  /** How it ended, while zombies are left below it. */
  leftWith: Reason | null = null;
  /** From its start until its parent is notified of its end. */
  isRunning = false;
  held: (() => void)[] = [];
  #generation = 0;
  #facts: Fact[] = [];
  #isPerforming = false;
  #hasFailed = false;
  /** The children that have been ready since their last start. */
  readonly #ready = new Set<string>();

  constructor(
    readonly shared: Shared,
    readonly spec: SupervisorSpec | PoolSpec,
    readonly path: string,
    readonly parent: Node | null,
    readonly onAnswer: (token: number, answer: Answer) => void,
  ) {
    this.engine = this.#newEngine();
  }

  start(generation: number): void {
    this.#generation = generation;
    this.isRunning = true;
    if (this.engine.status === 'ended') this.#renew();
    this.tell({ type: 'boot', at: this.shared.now });
  }

  halt(brutal: boolean): void {
    this.tell({ type: 'halt', at: this.shared.now, brutal });
  }

  /** Facts that an effect causes wait until all effects of the fact before are performed. */
  tell(fact: Fact): void {
    this.#facts.push(fact);
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    for (let next = this.#facts.shift(); next; next = this.#facts.shift()) {
      for (const effect of this.engine.decide(next)) this.#perform(effect);
    }
    this.#isPerforming = false;
  }

  /** This agent cannot be ended. */
  condemn(id: string): void {
    const life = this.lives.get(id);
    if (!life || life.phase === 'stuck') return;
    life.hasFailed = life.phase === 'starting';
    life.phase = 'stuck';
    this.tell({ type: 'stuck', id, generation: life.generation, at: this.shared.now, blockers: 'pid 7 (D)' });
  }

  /** The start or stop of this agent is over; without a reason as intended. */
  settle(id: string, reason?: Reason): void {
    const life = this.lives.get(id);
    if (!life) return;
    if (life.phase === 'starting' && !reason) {
      life.phase = 'up';
      this.becomesReady(id, life.generation);
    } else this.#end(id, life, reason);
  }

  /** All supervisors below, and this one. */
  *nodes(): IterableIterator<Node> {
    yield this;
    for (const child of this.children.values()) if (child) yield* child.nodes();
  }

  #end(id: string, { generation, phase, hasFailed }: Life, reason?: Reason): void {
    const failed = phase === 'starting' || hasFailed ? START_FAILED : undefined;
    this.lives.delete(id);
    this.hear(id, generation, failed ?? reason ?? { kind: 'shutdown' });
  }

  hear(id: string, generation: number, reason: Reason): void {
    this.tell({ type: 'ended', id, generation, at: this.shared.now, random: 0, reason });
  }

  #perform(effect: Effect): void {
    if (effect.type === 'create') this.#create(effect.spec);
    else if (effect.type === 'start') this.#start(effect.id, effect.generation);
    else if (effect.type === 'stop') this.#stop(effect);
    else if (effect.type === 'quiesce') this.children.get(effect.id)?.tell({ type: 'quiesce' });
    else if (effect.type === 'remove') this.#remove(effect.id, true);
    else if (effect.type === 'retry') this.#hasFailed = !this.#ready.has(effect.id);
    else if (effect.type === 'delay') this.#delay(effect.sweep);
    else if (effect.type === 'answer') this.onAnswer(effect.token, effect.answer);
    else if (effect.type === 'status' && effect.status === 'running')
      this.parent?.becomesReady(this.spec.id, this.#generation);
    else if (effect.type === 'finished') this.#finish(effect.reason, effect.left);
    else if (effect.type === 'gone') this.#gone();
  }

  #create(spec: NodeSpec): void {
    const path = this.#pathOf(spec.id);
    this.specs.set(spec.id, spec);
    if (this.spec.kind === 'pool') this.shared.instances.set(this.path, Number(spec.id));
    this.children.set(spec.id, spec.kind === 'agent' ? null : new Node(this.shared, spec, path, this, this.onAnswer));
  }

  #start(id: string, generation: number): void {
    this.log.push(`+${id}`);
    this.#checkStart(id);
    this.#ready.delete(id);
    this.killed.delete(id);
    this.shared.generations.set(this.#pathOf(id), generation);
    const below = this.children.get(id);
    if (below) return below.start(generation);
    this.lives.set(id, { generation, phase: 'starting', hasFailed: false });
  }

  #checkStart(id: string): void {
    const status = this.children.get(id)?.engine.status ?? 'idle';
    if (this.lives.has(id) || this.children.get(id)?.leftWith || (status !== 'idle' && status !== 'ended')) {
      this.#violation(`${this.#pathOf(id)} started while it lives`);
    }
  }

  #stop({ id, brutal, cause }: Extract<Effect, { type: 'stop' }>): void {
    const below = this.children.get(id);
    const life = this.lives.get(id);
    const lives = below ? below.isRunning : life !== undefined;
    if (!lives && cause !== 'command')
      this.#violation(`${this.#pathOf(id)} told to stop (${cause}) though it does not live`);
    if (!lives) return;
    this.#noteStop(id, brutal || (below === null && this.#isKilled(id)));
    if (life && life.phase !== 'stuck') life.phase = 'stopping';
    else below?.halt(brutal);
  }

  /** A kill is noted once. */
  #noteStop(id: string, brutal: boolean): void {
    if (this.killed.has(id)) return;
    this.log.push(`${brutal ? '!' : '-'}${id}`);
    if (brutal) this.killed.add(id);
  }

  /** By its spec. */
  #isKilled(id: string): boolean {
    const spec = this.specs.get(id);
    return spec?.kind === 'agent' && spec.stop.brutal;
  }

  #delay(sweep: number): void {
    const { engine } = this;
    const over = (): void => {
      if (engine === this.engine) this.tell({ type: 'delay-over', sweep, at: this.shared.now });
    };
    if (this.#hasFailed) this.held.push(over);
    else this.shared.deferred.push(over);
  }

  becomesReady(id: string, generation: number): void {
    this.#ready.add(id);
    this.tell({ type: 'ready', id, generation, at: this.shared.now });
  }

  #finish(reason: Reason, left: readonly string[]): void {
    this.held = [];
    this.isRunning = false;
    const living = [...this.children.keys()].filter((id) => this.#lives(id));
    if (living.join() !== left.join()) this.#violation(`${this.path} leaves ${left}, and ${living} live`);
    this.shared.ends.push(`${this.path} ${reason.kind} ${left.join()}`);
    this.leftWith = left.length > 0 ? reason : null;
    const { id } = this.spec;
    const generation = this.#generation;
    const at = this.shared.now;
    if (this.leftWith) this.parent?.tell({ type: 'stuck', id, generation, at, blockers: left.join() });
    else this.parent?.hear(id, generation, reason);
  }

  #lives(id: string): boolean {
    return this.lives.has(id) || [...(this.children.get(id)?.nodes() ?? [])].some(({ lives }) => lives.size > 0);
  }

  #gone(): void {
    const reason = this.leftWith as Reason;
    this.leftWith = null;
    this.parent?.hear(this.spec.id, this.#generation, reason);
  }

  /** Before a restart: dynamic children are lost (T5). */
  #renew(): void {
    const kept = this.spec.kind === 'pool' ? [] : this.spec.children.map(({ id }) => id);
    for (const id of [...this.children.keys()]) this.#remove(id, !kept.includes(id));
    this.log = [];
    this.killed.clear();
    this.engine = this.#newEngine();
  }

  #remove(id: string, forget: boolean): void {
    const below = this.children.get(id);
    this.children.delete(id);
    if (this.lives.has(id)) this.#violation(`${this.#pathOf(id)} removed alive`);
    if (!forget) return;
    for (const each of below?.nodes() ?? []) this.shared.instances.delete(each.path);
  }

  #newEngine(): Engine {
    const { shared, spec, path } = this;
    const generation = (id: string): number => shared.generations.get(this.#pathOf(id)) ?? 0;
    return spec.kind === 'pool'
      ? createPool(spec, generation, shared.instances.get(path) ?? 0)
      : createSupervision(spec, generation);
  }

  #pathOf(id: string): string {
    return this.path === '' ? id : `${this.path}/${id}`;
  }

  #violation(what: string): void {
    this.shared.violations.push(what);
  }
}
