import type { Effect } from '../../model/fact.js';
import { describeReason } from '../../model/reason.js';
import type { Agent } from '../agent/agent.js';
import { deliver } from '../agent/deliver.js';
import type { World } from '../world.js';

/** Reports a supervisor's decision about a child that failed. */
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

/** Sends a failed agent the delay before its restart, or that it is not restarted. */
export function sendRetry(world: World, agent: Agent, effect: Extract<Effect, { type: 'retry' | 'exhausted' }>): void {
  if (effect.type === 'retry') deliver(world, agent, { type: 'RETRY', delay: effect.delay });
  else deliver(world, agent, { type: 'EXHAUSTED' });
}

/** Tells a failed agent that its planned restart is cancelled, because its supervisor ends. */
export function cancelRetry(world: World, agent: Agent): void {
  deliver(world, agent, { type: 'RETRY_CANCELLED' });
}

/** Reports a fact of an earlier incarnation as a dead letter. */
export function reportStale(
  world: World,
  path: string,
  { fact, generation }: Extract<Effect, { type: 'stale' }>,
): void {
  const reason = 'it is not the present incarnation';
  world.reports.emit(path, { type: 'dead-letter', event: fact, incarnation: generation, reason });
}
