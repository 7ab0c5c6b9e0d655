import { type ActorRefFrom, createActor } from 'xstate';
import type { SupervisorView } from '../../contract/view.js';
import { restingState, type SupervisorEvent, type supervisorMachine } from '../../machines/supervisor.js';
import type { DecidedStatus, Effect, End, Engine, Fact, Verb } from '../../model/fact.js';
import { joinPath } from '../../model/id.js';
import { describeReason, type Reason } from '../../model/reason.js';
import { blockersText, type Failure, failureText, type SupervisorStatus } from '../../model/report.js';
import type { AgentSpec, NodeSpec, PoolSpec, SupervisorSpec } from '../../model/spec.js';
import { type Agent, type ChildFact, remainsOf } from '../agent/agent.js';
import { reportRemoved } from '../agent/agent-creation.js';
import { AgentChild, type Child } from '../agent/child.js';
import type { SupervisorRest } from '../resume/entries.js';
import type { World } from '../world.js';
import { Delays } from './delays.js';
import { newEngine } from './engine.js';
import type { SupervisorNode } from './node.js';
import { Pending } from './pending.js';
import { reportRetry, reportStale } from './retry.js';
import { failureBy, viewOf } from './supervisor-view.js';
import { createSystems, rootOptions, type Systems, startingIn, startRoot } from './systems.js';

/** Receives the notifications of a supervisor: the supervisor above it, or the tree. */
export interface Parent {
  ready(generation: number): void;
  /** It has ended, but zombies are left below it: `ended` follows when the last of them is gone. */
  stuck(generation: number, reason: Reason, blockers: string): void;
  ended(generation: number, reason: Reason): void;
}

/**
 * The actor of one supervisor or pool: it passes every fact to its engine, performs the effects, makes its chart draw the status that the engine decides,
 * and keeps the children in a Map. User code never runs in here.
 *
 * 1. A fact is a step of the engine, and its effects are performed when the step is over (`Steps`). Facts for the same supervisor that they cause wait
 *    until all of them are performed.
 * 2. An effect that decides a status is a step of the chart. The chart's own effects, which report the status and notify the parent, are performed before
 *    the next effect of the engine: so the status that is read is always the reported one.
 */
export class SupervisorActor implements SupervisorNode, Child {
  readonly #children = new Map<string, Child>();
  readonly #pending: Pending;
  readonly #delays: Delays;
  readonly #ref: ActorRefFrom<typeof supervisorMachine>;
  readonly #systems: Systems;
  #engine: Engine;
  /** How it had ended before the program was started again; `null` once it is started. */
  #earlier: SupervisorRest | null;
  #generation = 0;
  #specIds: ReadonlySet<string> | undefined;

  constructor(
    readonly world: World,
    readonly spec: SupervisorSpec | PoolSpec,
    readonly path: string,
    readonly parent: Parent,
  ) {
    this.#pending = new Pending(path, (id) => blockersText(remainsOf(this.#children.get(id)?.agents() ?? [])));
    this.#delays = new Delays(world.clock, (sweep) => this.fact({ type: 'delay-over', sweep, at: world.clock.now() }));
    this.#earlier = world.past?.rest(path) ?? null;
    this.#engine = newEngine(this.world, this.spec, this.path);
    world.registry.addSupervisor(this);
    const input = { id: spec.id, path, strategy: spec.kind === 'pool' ? 'pool' : spec.strategy } as const;
    const first = restingState(input, this.#earlier?.end ?? null);
    const ref = createActor(world.logics.supervisor, { ...rootOptions(world, path), ...startingIn(first), input });
    this.#ref = ref;
    this.#systems = createSystems(world, path, ref);
    startRoot(world, path, ref);
    if (this.#earlier !== null) this.fact({ type: 'rest', end: this.#earlier.end });
  }

  get engine(): Engine {
    return this.#engine;
  }

  get status(): SupervisorStatus | 'idle' {
    const { value } = this.#ref.getSnapshot();
    return value === 'failing' ? 'stopping' : value;
  }

  /** The culprit of its failure; `null` while it has not failed. */
  get failure(): Failure | null {
    const { end } = this.#ref.getSnapshot().context;
    if (this.status !== 'failed' || end === null || end.child === null) return null;
    if (this.#earlier !== null) return this.#earlier.failure;
    return failureBy(this.#children.get(end.child), joinPath(this.path, end.child), end.reason);
  }

  get rest(): SupervisorRest | null {
    const { failure, status } = this;
    const { end } = this.#ref.getSnapshot().context;
    return end !== null && (status === 'failed' || status === 'stopped') ? { end, failure } : null;
  }

  /** Starts from the spec; notifications to the parent carry `generation`. */
  start(generation: number): void {
    this.world.steps.take(this, () => {
      this.#generation = generation;
      this.#earlier = null;
      if (this.#engine.status === 'ended') {
        this.#forgetChildren();
        this.#engine = newEngine(this.world, this.spec, this.path);
      }
      this.#decide({ type: 'boot', at: this.world.clock.now() });
    });
  }

  stop(brutal: boolean): void {
    this.fact({ type: 'halt', at: this.world.clock.now(), brutal });
  }

  fact(fact: Fact): void {
    this.world.steps.take(this, () => this.#decide(fact));
  }

  /** One command for one child; resolves when it is carried out. Rejects with the code of the answer. */
  command(verb: Verb, id: string): Promise<string> {
    return this.#ask(verb, id, (token) => ({ type: 'command', token, verb, id, at: this.world.clock.now() }));
  }

  /** Adds a child; resolves with its id when it is ready. The spec must be valid. */
  add(spec: NodeSpec): Promise<string> {
    return this.#ask('add', spec.id, (token) => ({ type: 'add', token, spec, at: this.world.clock.now() }));
  }

  childSpec(id: string): NodeSpec | undefined {
    return this.#children.get(id)?.spec;
  }

  view(): SupervisorView {
    return viewOf(
      this,
      [...this.#children.values()].map((child) => child.view()),
    );
  }

  /** All agents below, in start order. */
  *agents(): IterableIterator<Agent> {
    for (const child of this.#children.values()) yield* child.agents();
  }

  reportStatus(): void {
    const { status } = this;
    if (status === 'idle') return;
    const { end } = this.#ref.getSnapshot().context;
    const over = (status === 'failed' || status === 'stopped') && end !== null;
    const reason = over ? (failureText(this.failure) ?? describeReason(end.reason)) : '';
    this.world.reports.emit(this.path, { type: 'supervisor', status, reason });
  }

  notifyReady(): void {
    this.parent.ready(this.#generation);
  }

  /** While zombies are left below it, it is a zombie itself: a restart would duplicate living processes, a removal would hide them. */
  notifyEnd({ reason, left }: End): void {
    if (left.length === 0) this.parent.ended(this.#generation, reason);
    else this.parent.stuck(this.#generation, reason, blockersText(remainsOf(this.agents())));
  }

  /** Removes it with its subtree. `forget`: later children at these paths are different ones. Everything of it must be down. */
  dispose(forget: boolean): void {
    this.#delays.clear();
    const kept = this.#keptChildren();
    for (const id of [...this.#children.keys()]) this.#remove(id, forget || !kept.has(id));
    for (const { path, record } of this.world.registry.removeSupervisor(this, forget)) {
      reportRemoved(this.world, path, record);
    }
    this.#systems.close();
  }

  #ask(verb: string, id: string, fact: (token: number) => Fact): Promise<string> {
    return this.#pending.open(verb, id, (token) => this.fact(fact(token)));
  }

  #decide(fact: Fact): void {
    for (const effect of this.#engine.decide(fact)) this.world.steps.record(this, () => this.#attempt(effect));
  }

  #attempt(effect: Effect): void {
    try {
      this.#perform(effect);
    } catch (thrown) {
      this.world.reportError(this.path, thrown);
    }
  }

  #draw(event: SupervisorEvent): void {
    this.world.steps.take(this.#ref, () => this.#ref.send(event));
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'create':
        this.#children.set(effect.id, this.#create(effect.spec));
        this.#record(effect.spec);
        if (this.spec.kind === 'pool') this.world.registry.noteInstance(this.path, effect.id);
        return;
      case 'start':
        return this.#children.get(effect.id)?.start(effect.generation);
      case 'stop':
        return this.#children.get(effect.id)?.stop(effect.brutal, effect.cause);
      case 'retry':
      case 'exhausted':
        reportRetry(this.world, joinPath(this.path, effect.id), effect);
        return this.#children.get(effect.id)?.onRetry(effect);
      case 'waiting':
        return this.world.reports.emit(joinPath(this.path, effect.id), { type: 'waiting', for: effect.for });
      case 'quiesce':
        return this.#children.get(effect.id)?.quiesce();
      case 'delay':
        return this.#delays.begin(effect.sweep, effect.delay);
      case 'remove':
        return this.#remove(effect.id, true);
      case 'answer':
        return this.#pending.settle(effect.token, effect.answer);
      case 'stale':
        return reportStale(this.world, joinPath(this.path, effect.id), effect);
      case 'status':
        return this.#draw({ type: effect.status.toUpperCase() as Uppercase<DecidedStatus> });
      case 'finished':
        this.#delays.clear();
        return this.#draw({ type: 'FINISHED', end: { reason: effect.reason, child: effect.child, left: effect.left } });
      case 'gone':
        return this.#draw({ type: 'GONE' });
    }
  }

  #create(spec: NodeSpec): Child {
    const path = joinPath(this.path, spec.id);
    return spec.kind === 'agent' ? this.#createAgent(spec, path) : this.#createNode(spec, path);
  }

  #createAgent(spec: AgentSpec, path: string): Child {
    return new AgentChild(this.world, this.#systems, spec, path, {
      notifySupervisor: (fact) => this.#hear(spec.id, fact),
      requestStop: () => this.command('stop', spec.id),
      awaited: () => this.#engine.awaitedBy(spec.id),
    });
  }

  #createNode(spec: SupervisorSpec | PoolSpec, path: string): Child {
    const { id } = spec;
    const parent: Parent = {
      ready: (generation) => this.#hear(id, { type: 'ready', generation }),
      stuck: (generation, _, blockers) => this.#hear(id, { type: 'stuck', generation, blockers }),
      ended: (generation, reason) => this.#hear(id, { type: 'ended', generation, reason }),
    };
    return new SupervisorActor(this.world, spec, path, parent);
  }

  #hear(id: string, fact: ChildFact): void {
    const { clock, random } = this.world;
    this.fact({ ...fact, id, at: clock.now(), random: random() } as Fact);
  }

  #remove(id: string, forget: boolean): void {
    const child = this.#children.get(id);
    this.#children.delete(id);
    child?.dispose(forget);
    if (!forget) return;
    this.world.past?.forget(joinPath(this.path, id));
    this.world.recorder?.forget(joinPath(this.path, id));
  }

  /** A successor of the program must be given the specs of children that are not in the spec. */
  #record(spec: NodeSpec): void {
    const { recorder } = this.world;
    if (recorder === null || this.spec.kind === 'pool') return;
    this.#specIds ??= new Set(this.spec.children.map(({ id }) => id));
    if (!this.#specIds.has(spec.id)) recorder.noteAdded(joinPath(this.path, spec.id), spec);
  }

  /** Before a restart: dynamic children are lost (T5), children of the spec keep their record. */
  #forgetChildren(): void {
    const kept = this.#keptChildren();
    for (const id of [...this.#children.keys()]) this.#remove(id, !kept.has(id));
  }

  /** The ids of the children that it has again after a restart. */
  #keptChildren(): ReadonlySet<string> {
    return new Set(this.spec.kind === 'pool' ? [] : this.spec.children.map(({ id }) => id));
  }

  quiesce(): void {
    this.cancelRetries();
    this.fact({ type: 'quiesce' });
  }

  /* A supervisor does not show its planned restart. */
  onRetry(): void {}
  cancelRetry(): void {}

  cancelRetries(): void {
    for (const child of this.#children.values()) child.cancelRetry();
  }
}
