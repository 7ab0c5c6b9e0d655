import { type AgentEvent, isStale } from '../../model/agent.js';
import type { World } from '../world.js';
import { type Agent, contextOf } from './agent.js';
import { notifyWatchers } from './waiting.js';

/**
 * The only way in which events reach an agent's actor. A fact of an earlier incarnation becomes a dead letter; a lease of an earlier one is released.
 * While the effects of the agent's last step are performed, the event waits.
 */
export function deliver(world: World, agent: Agent, event: AgentEvent): void {
  world.steps.take(agent, () => {
    const { status, context } = agent.ref.getSnapshot();
    if (isStale(event, context.incarnation)) deadLetter(world, agent, event);
    else if (status === 'active') agent.ref.send(event);
    world.steps.record(agent, () => notifyWatchers(agent.record));
  });
}

function deadLetter(world: World, agent: Agent, event: AgentEvent): void {
  // An unawaited end of the output of an earlier incarnation is normal.
  if (event.type === 'DRAINED') return;
  const incarnation = 'incarnation' in event ? event.incarnation : 0;
  if (event.type === 'LEASED') world.ports.release(agent.path, incarnation, true);
  const reason = `incarnation ${contextOf(agent).incarnation} is the current one`;
  world.reports.emit(agent.path, { type: 'dead-letter', event: event.type, incarnation, reason });
}
