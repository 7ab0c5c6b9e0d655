import type { Clock } from '../../contract/clock.js';
import type { AgentState } from '../../model/agent.js';
import type { World } from '../world.js';
import type { AgentCell, Runtime } from './cell.js';

/**
 * Follows the states of an agent whose time is limited: it counts from the launch, stands still while the agent is paused, and ends
 * when the agent is being ended, for whatever reason. When it is over, the agent is stopped for good, as a person would.
 */
export function limitRuntime(world: World, cell: AgentCell, state: AgentState): void {
  const { maxRuntime } = cell.spec;
  if (maxRuntime === Number.POSITIVE_INFINITY) return;
  if (state === 'spawning') {
    endRuntime(world.clock, cell);
    cell.runtime = { left: maxRuntime, since: null, timer: undefined };
    count(world, cell, cell.runtime);
  } else if (cell.runtime === null) return;
  else if (state === 'running') count(world, cell, cell.runtime);
  else if (state === 'paused') hold(world.clock, cell.runtime);
  else endRuntime(world.clock, cell);
}

/** Nothing is counted any more. */
export function endRuntime(clock: Clock, cell: AgentCell): void {
  clock.clearTimeout(cell.runtime?.timer);
  cell.runtime = null;
}

function count(world: World, cell: AgentCell, runtime: Runtime): void {
  if (runtime.since !== null) return;
  const { clock } = world;
  runtime.since = clock.now();
  runtime.timer = clock.setTimeout(() => {
    cell.overLimit = { cause: 'timeout', detail: `its maxRuntime of ${cell.spec.maxRuntime} ms was over` };
    cell.stop().catch((thrown) => world.complain(cell.path, thrown));
  }, runtime.left);
}

function hold(clock: Clock, runtime: Runtime): void {
  if (runtime.since === null) return;
  clock.clearTimeout(runtime.timer);
  runtime.left = Math.max(0, runtime.left - (clock.now() - runtime.since));
  runtime.since = null;
}
