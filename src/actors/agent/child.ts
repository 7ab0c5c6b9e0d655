import type { TreeView } from '../../contract/view.js';
import type { Effect, StopCause } from '../../model/fact.js';
import type { AgentSpec, NodeSpec } from '../../model/spec.js';
import { callOffRetry, tellRetry } from '../supervisor/retry.js';
import type { Systems } from '../supervisor/systems.js';
import type { World } from '../world.js';
import { type Agent, agentNodeOf } from './agent.js';
import { createAgent, disposeAgent } from './agent-creation.js';
import { deliver } from './deliver.js';

/** A child as its supervisor acts on it: an agent, or a supervisor of its own. */
export interface Child {
  readonly spec: NodeSpec;
  start(generation: number): void;
  stop(brutal: boolean, cause: StopCause): void;
  /** A supervisor above has begun to stop: nothing starts any more, the stop comes in its turn. */
  hush(): void;
  /** Hears of its next try, or that none comes by itself. */
  hearRetry(effect: Extract<Effect, { type: 'retry' | 'exhausted' }>): void;
  /** The next try that it was told of does not come. */
  callOffRetry(): void;
  /** All agents that it is or that are below it, in start order. */
  agents(): IterableIterator<Agent>;
  view(): TreeView;
  /** Everything of it must be down. `forget`: its path would be somebody new. */
  dispose(forget: boolean): void;
}

/** An agent as a child. */
export class AgentChild implements Child {
  readonly #world: World;
  readonly #systems: Systems;
  readonly #agent: Agent;

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
    const { clock } = this.#world;
    deliver(this.#world, this.#agent, { type: 'START', incarnation: generation, at: clock.wall(), now: clock.now() });
  }

  stop(brutal: boolean, cause: StopCause): void {
    deliver(this.#world, this.#agent, { type: 'STOP', cause, brutal });
  }

  hush(): void {}

  hearRetry(effect: Extract<Effect, { type: 'retry' | 'exhausted' }>): void {
    tellRetry(this.#world, this.#agent, effect);
  }

  callOffRetry(): void {
    callOffRetry(this.#world, this.#agent);
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
