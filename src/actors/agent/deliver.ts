import { type AgentEvent, isStale } from '../../model/agent.js';
import type { World } from '../world.js';
import { type Agent, contextOf } from './agent.js';
import { notifyWatchers } from './waiting.js';

/**
 * The one door through which an agent's actor gets its events. A fact of an incarnation that is not the current one becomes a dead letter; a
 * lease of one is given back. While the effects of the agent's last step are performed, the event waits until all of them are.
 */
export function deliver(world: World, agent: Agent, event: AgentEvent): void {
  world.steps.take(agent, () => {
    const { status, context } = agent.ref.getSnapshot();
    if (isStale(event, context.incarnation)) deadLetter(world, agent, event);
    else if (status === 'active') agent.ref.send(event);
    world.steps.record(agent, () => notifyWatchers(agent.identity));
  });
}

function deadLetter(world: World, agent: Agent, event: AgentEvent): void {
  // The output of an incarnation that was not awaited to its end ends all the same: that is its normal course.
  if (event.type === 'DRAINED') return;
  const incarnation = 'incarnation' in event ? event.incarnation : 0;
  if (event.type === 'LEASED') world.ports.release(agent.path, incarnation, true);
  const reason = `incarnation ${contextOf(agent).incarnation} is the current one`;
  world.reports.emit(agent.path, { type: 'dead-letter', event: event.type, incarnation, reason });
}
