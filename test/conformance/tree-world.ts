import type { Answer, Effect, Engine, Fact, Verb } from '../../src/model/fact.js';
import { createPool } from '../../src/model/pool.js';
import type { Reason } from '../../src/model/reason.js';
import type { NodeSpec, PoolSpec, SupervisorSpec } from '../../src/model/spec.js';
import { createSupervision } from '../../src/model/supervision.js';
import { START_FAILED } from './harness.js';

/** An agent with a process. */
interface Life {
  readonly generation: number;
  phase: 'starting' | 'up' | 'stopping';
}

/** What the supervisors of one tree have in common. */
interface Shared {
  now: number;
  readonly violations: string[];
  /** `s start-failed` for each end of a supervisor. */
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
class Node {
  readonly children = new Map<string, Node | null>();
  readonly lives = new Map<string, Life>();
  engine: Engine;
  log: string[] = [];
  held: (() => void)[] = [];
  #generation = 0;
  #facts: Fact[] = [];
  #isPerforming = false;
  #hasFailed = false;

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

  /** The start or stop of this agent is over; without a reason as intended. */
  settle(id: string, reason?: Reason): void {
    const life = this.lives.get(id);
    if (!life) return;
    if (life.phase === 'starting' && !reason) {
      life.phase = 'up';
      this.tell({ type: 'ready', id, generation: life.generation, at: this.shared.now });
    } else this.#end(id, life, reason);
  }

  /** All supervisors below, and this one. */
  *nodes(): IterableIterator<Node> {
    yield this;
    for (const child of this.children.values()) if (child) yield* child.nodes();
  }

  #end(id: string, { generation, phase }: Life, reason?: Reason): void {
    const failed = phase === 'starting' ? START_FAILED : undefined;
    this.lives.delete(id);
    this.#hear(id, generation, failed ?? reason ?? { kind: 'shutdown' });
  }

  #hear(id: string, generation: number, reason: Reason): void {
    this.tell({ type: 'ended', id, generation, at: this.shared.now, random: 0, reason });
  }

  #perform(effect: Effect): void {
    if (effect.type === 'create') this.#create(effect.spec);
    else if (effect.type === 'start') this.#start(effect.id, effect.generation);
    else if (effect.type === 'stop') this.#stop(effect);
    else if (effect.type === 'quiesce') this.children.get(effect.id)?.tell({ type: 'quiesce' });
    else if (effect.type === 'remove') this.#remove(effect.id, true);
    else if (effect.type === 'retry') this.#hasFailed = effect.reason.kind === 'start-failed';
    else if (effect.type === 'delay') this.#delay(effect.sweep);
    else if (effect.type === 'answer') this.onAnswer(effect.token, effect.answer);
    else if (effect.type === 'status' && effect.status === 'running') this.#ready();
    else if (effect.type === 'finished') this.#finish(effect.reason);
  }

  #create(spec: NodeSpec): void {
    const path = this.#pathOf(spec.id);
    if (this.spec.kind === 'pool') this.shared.instances.set(this.path, Number(spec.id));
    this.children.set(spec.id, spec.kind === 'agent' ? null : new Node(this.shared, spec, path, this, this.onAnswer));
  }

  #start(id: string, generation: number): void {
    this.log.push(`+${id}`);
    this.#checkStart(id);
    this.shared.generations.set(this.#pathOf(id), generation);
    const below = this.children.get(id);
    if (below) return below.start(generation);
    this.lives.set(id, { generation, phase: 'starting' });
  }

  #checkStart(id: string): void {
    const status = this.children.get(id)?.engine.status ?? 'idle';
    if (this.lives.has(id) || (status !== 'idle' && status !== 'ended')) {
      this.#violation(`${this.#pathOf(id)} started while it lives`);
    }
  }

  #stop({ id, brutal, cause }: Extract<Effect, { type: 'stop' }>): void {
    const below = this.children.get(id);
    const life = this.lives.get(id);
    const lives = below ? below.engine.status !== 'idle' && below.engine.status !== 'ended' : life !== undefined;
    if (!lives && cause !== 'command')
      this.#violation(`${this.#pathOf(id)} told to stop (${cause}) though it does not live`);
    if (!lives) return;
    this.log.push(`-${id}`);
    if (life) life.phase = 'stopping';
    else below?.halt(brutal);
  }

  #delay(sweep: number): void {
    const { engine } = this;
    const over = (): void => {
      if (engine === this.engine) this.tell({ type: 'delay-over', sweep, at: this.shared.now });
    };
    if (this.#hasFailed) this.held.push(over);
    else this.shared.deferred.push(over);
  }

  #ready(): void {
    const { id } = this.spec;
    this.parent?.tell({ type: 'ready', id, generation: this.#generation, at: this.shared.now });
  }

  #finish(reason: Reason): void {
    this.held = [];
    const left = [...this.nodes()].flatMap((node) => [...node.lives.keys()].map((id) => node.#pathOf(id)));
    if (left.length > 0) this.#violation(`${this.path} finished while ${left.join(', ')} live`);
    this.shared.ends.push(`${this.path} ${reason.kind}`);
    if (this.parent) this.parent.#hear(this.spec.id, this.#generation, reason);
  }

  /** Before a restart: dynamic children are lost (T5). */
  #renew(): void {
    const kept = this.spec.kind === 'pool' ? [] : this.spec.children.map(({ id }) => id);
    for (const id of [...this.children.keys()]) this.#remove(id, !kept.includes(id));
    this.log = [];
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

/** A virtual tree of engines. */
export class TreeWorld {
  readonly shared: Shared = {
    now: 0,
    violations: [],
    ends: [],
    generations: new Map(),
    instances: new Map(),
    deferred: [],
  };
  readonly root: Node;
  readonly #answers = new Map<number, string>();
  #tokens = 0;

  constructor(spec: SupervisorSpec) {
    this.root = new Node(this.shared, spec, '', null, (token, answer) => this.#answered(token, answer));
  }

  boot(): void {
    this.#act(() => this.root.start(1));
  }

  halt(): void {
    this.#act(() => this.root.halt(false));
  }

  /** By path, that of the root is empty. */
  nodes(): ReadonlyMap<string, Node> {
    return new Map([...this.root.nodes()].map((node) => [node.path, node]));
  }

  /** Returns the token of the answer. */
  add(path: string, spec: NodeSpec): number {
    return this.#call(path, (token) => ({ type: 'add', token, spec, at: this.shared.now }));
  }

  command(path: string, verb: Verb, id: string): number {
    return this.#call(path, (token) => ({ type: 'command', token, verb, id, at: this.shared.now }));
  }

  /** The answer in one word: `ok`, a code, or `pending`. */
  answer(token: number): string {
    return this.#answers.get(token) ?? 'pending';
  }

  settle(path: string, id: string, reason?: Reason): void {
    this.#act(() => this.nodes().get(path)?.settle(id, reason));
  }

  /** The held delays are over; then time passes. */
  pass(ms: number): void {
    for (const node of this.nodes().values()) for (const over of node.held.splice(0)) this.#act(over);
    this.shared.now += ms;
  }

  #call(path: string, fact: (token: number) => Fact): number {
    const token = ++this.#tokens;
    this.#act(() => this.nodes().get(path)?.tell(fact(token)));
    return token;
  }

  #act(act: () => void): void {
    act();
    for (let next = this.shared.deferred.shift(); next; next = this.shared.deferred.shift()) next();
  }

  #answered(token: number, answer: Answer): void {
    if (this.#answers.has(token)) this.shared.violations.push(`token ${token} answered twice`);
    this.#answers.set(token, answer.ok ? 'ok' : answer.code);
  }
}
