/** Here nothing is left of an agent, and its sub-states are not reported: its supervisor has reported them. */
const AT_REST = new Set(['stopped', 'failed', 'completed']);

/**
 * The effects of one step that follow from the places (keys with dots) before and after it: a sub-state is reported when it changed and the
 * state did not, resources are watched exactly while the agent is running, and its liveness while it is running and not being frozen.
 */
export function ruledEffects(before: string, after: string): string[] {
  const [from, to] = [stateOf(before), stateOf(after)];
  if (from !== to) {
    const left = from === 'running' ? ['unwatchResources', 'unwatchLiveness'] : [];
    return to === 'running' ? [...left, 'watchResources', 'watchLiveness'] : left;
  }
  if (before === after || AT_REST.has(to)) return [];
  const thawed = before === FREEZING ? ['watchLiveness'] : [];
  return [`reportSubstate(${after})`, ...thawed, ...(after === FREEZING ? ['unwatchLiveness'] : [])];
}

const FREEZING = 'running.freezing';

function stateOf(place: string): string {
  return place.split('.')[0] ?? '';
}
