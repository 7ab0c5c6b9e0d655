/** Here nothing is left of an agent, and its sub-states are not reported: its supervisor has reported them. */
const AT_REST = new Set(['stopped', 'failed', 'completed']);

/**
 * The effects of one step that follow from the places (keys with dots) before and after it: a sub-state is reported when it changed and the
 * state did not, and resources are watched exactly while the agent is running.
 */
export function ruledEffects(before: string, after: string): string[] {
  const [from, to] = [stateOf(before), stateOf(after)];
  if (from === to) return before === after || AT_REST.has(to) ? [] : [`reportSubstate(${after})`];
  return [...(from === 'running' ? ['unwatchResources'] : []), ...(to === 'running' ? ['watchResources'] : [])];
}

function stateOf(place: string): string {
  return place.split('.')[0] ?? '';
}
