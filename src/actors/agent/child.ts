import type { TreeView } from '../../contract/view.js';
import type { Effect, StopCause } from '../../model/fact.js';
import type { Failure } from '../../model/report.js';
import type { AgentSpec, NodeSpec } from '../../model/spec.js';
import { cancelRetry, sendRetry } from '../supervisor/retry.js';
import type { Systems } from '../supervisor/systems.js';
import type { World } from '../world.js';
import { type Agent, agentNodeOf } from './agent.js';
import { createAgent, disposeAgent } from './agent-creation.js';
import { deliver } from './deliver.js';
import { keptPorts } from './kept-entry.js';

/** A child as its supervisor sees it: an agent, or a supervisor. */
export interface Child {
  readonly spec: NodeSpec;
  /** The culprit of a supervisor that has failed; `null` for any other child. */
  readonly failure: Failure | null;
  start(generation: number): void;
  stop(brutal: boolean, cause: StopCause): void;
  /** A supervisor above has begun to stop: nothing may start any more; the stop follows in its turn. */
  quiesce(): void;
  /** Receives the delay before its restart, or that it is not restarted. */
  onRetry(effect: Extract<Effect, { type: 'retry' | 'exhausted' }>): void;
  /** Its planned restart is cancelled. */
  cancelRetry(): void;
  /** The agent, or all agents of the subtree, in start order. */
  agents(): IterableIterator<Agent>;
  view(): TreeView;
  /** Everything of it must be down. `forget`: a later child at the same path is a different one. */
  dispose(forget: boolean): void;
}

/** An agent as a child. */
export class AgentChild implements Child {
  readonly #world: World;
  readonly #systems: Systems;
  readonly #agent: Agent;
  readonly failure = null;

  constructor(
    world: World,
    systems: Systems,
    spec: AgentSpec,
    path: string,
    supervisor: Pick<Agent, 'notifySupervisor' | 'requestStop' | 'awaited'>,
  ) {
    this.#world = world;
    this.#systems = systems;
    this.#agent = createAgent(world, systems, spec, path, supervisor);
  }

  get spec(): AgentSpec {
    return this.#agent.spec;
  }

  start(generation: number): void {
    const { clock, driverOf, past } = this.#world;
    const { path, spec } = this.#agent;
    const isKept = driverOf(spec).kept?.(path)?.incarnation === generation;
    const ports = isKept ? keptPorts(this.#world, this.#agent, generation) : {};
    const unfinished = past?.unfinished(path, generation) ?? null;
    const times = { at: clock.wall(), now: clock.now() };
    deliver(this.#world, this.#agent, { type: 'START', incarnation: generation, ...times, isKept, ports, unfinished });
  }

  stop(brutal: boolean, cause: StopCause): void {
    deliver(this.#world, this.#agent, { type: 'STOP', cause, brutal });
  }

  quiesce(): void {}

  onRetry(effect: Extract<Effect, { type: 'retry' | 'exhausted' }>): void {
    sendRetry(this.#world, this.#agent, effect);
  }

  cancelRetry(): void {
    cancelRetry(this.#world, this.#agent);
  }

  *agents(): IterableIterator<Agent> {
    yield this.#agent;
  }

  view(): TreeView {
    return agentNodeOf(this.#agent);
  }

  dispose(forget: boolean): void {
    disposeAgent(this.#world, this.#systems, this.#agent, forget);
  }
}
