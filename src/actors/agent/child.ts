import type { TreeView } from '../../contract/view.js';
import type { Effect, StopCause } from '../../model/fact.js';
import type { AgentSpec, NodeSpec } from '../../model/spec.js';
import { callOffRetry, tellRetry } from '../supervisor/retry.js';
import type { Systems } from '../supervisor/systems.js';
import type { World } from '../world.js';
import { deliver } from './agent.js';
import { createAgent, disposeAgent } from './agent-creation.js';
import { type AgentCell, type Told, viewOf } from './cell.js';

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
  cells(): IterableIterator<AgentCell>;
  view(): TreeView;
  /** Everything of it must be down. `forget`: its path would be somebody new. */
  dispose(forget: boolean): void;
}

/** An agent as a child. */
export class AgentChild implements Child {
  readonly #world: World;
  readonly #systems: Systems;
  readonly #cell: AgentCell;

  constructor(
    world: World,
    systems: Systems,
    spec: AgentSpec,
    path: string,
    ways: { tell: (told: Told) => void; stop: () => Promise<string> },
  ) {
    this.#world = world;
    this.#systems = systems;
    this.#cell = createAgent(world, systems, spec, path, ways);
  }

  get spec(): AgentSpec {
    return this.#cell.spec;
  }

  start(generation: number): void {
    deliver(this.#world, this.#cell, { type: 'START', incarnation: generation, at: this.#world.clock.wall() });
  }

  stop(brutal: boolean, cause: StopCause): void {
    deliver(this.#world, this.#cell, { type: 'STOP', cause, brutal });
  }

  hush(): void {}

  hearRetry(effect: Extract<Effect, { type: 'retry' | 'exhausted' }>): void {
    tellRetry(this.#world, this.#cell, effect);
  }

  callOffRetry(): void {
    callOffRetry(this.#world, this.#cell);
  }

  *cells(): IterableIterator<AgentCell> {
    yield this.#cell;
  }

  view(): TreeView {
    return { kind: 'agent', ...viewOf(this.#cell) };
  }

  dispose(forget: boolean): void {
    disposeAgent(this.#world, this.#systems, this.#cell, forget);
  }
}
