import type { Effect } from '../../model/fact.js';
import { describeReason } from '../../model/reason.js';
import { deliver } from '../agent/agent.js';
import type { AgentCell } from '../agent/cell.js';
import type { World } from '../world.js';

/** Reports what a supervisor decided about a child that failed. */
export function reportRetry(
  world: World,
  path: string,
  effect: Extract<Effect, { type: 'retry' | 'exhausted' }>,
): void {
  const { restarts } = effect;
  const reason = describeReason(effect.reason);
  if (effect.type === 'exhausted')
    return world.reports.emit(path, { type: 'exhausted', restarts, within: effect.within, reason });
  const { delay, left } = effect;
  world.reports.emit(path, { type: 'restarting', delay, restarts, left, reason });
}

/** Tells an agent that failed of its next try, or that none comes by itself. */
export function tellRetry(
  world: World,
  cell: AgentCell,
  effect: Extract<Effect, { type: 'retry' | 'exhausted' }>,
): void {
  if (effect.type === 'retry') deliver(world, cell, { type: 'RETRY', delay: effect.delay });
  else deliver(world, cell, { type: 'EXHAUSTED' });
}

/** Tells an agent that waits for its next try that none comes: its supervisor ends. */
export function callOffRetry(world: World, cell: AgentCell): void {
  if (cell.state !== 'failed' || cell.context.retryIn === null) return;
  deliver(world, cell, { type: 'STOP', cause: 'shutdown', brutal: false });
}

/** A fact of an incarnation that is no longer the living one. */
export function tellStale(world: World, path: string, { fact, generation }: Extract<Effect, { type: 'stale' }>): void {
  const reason = 'it is not the living incarnation';
  world.reports.emit(path, { type: 'dead-letter', event: fact, incarnation: generation, reason });
}
