import type { AgentEntry } from '../resume/entries.js';
import type { World } from '../world.js';
import type { Agent } from './agent.js';

/** What an earlier program has noted of this incarnation, which it has started and which runs on; `undefined` for another one. */
export function keptEntry(
  { past, driverOf }: World,
  { path, spec, body }: Agent,
  incarnation: number,
): AgentEntry | undefined {
  const isKept = body?.isAdopted === true || driverOf(spec).kept?.(path)?.incarnation === incarnation;
  return isKept ? past?.incarnation(path, incarnation) : undefined;
}

/** The ports of its spec that this incarnation has from an earlier program, which has started it; empty for another one. */
export function keptPorts(world: World, agent: Agent, incarnation: number): Record<string, number> {
  const held = keptEntry(world, agent, incarnation)?.ports ?? {};
  return Object.fromEntries(
    agent.spec.ports.flatMap(({ name }) => (Object.hasOwn(held, name) ? [[name, held[name] as number]] : [])),
  );
}
