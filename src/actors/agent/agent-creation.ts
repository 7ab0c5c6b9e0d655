import type { AgentSettings } from '../../model/lifecycle.js';
import type { AgentSpec } from '../../model/spec.js';
import { createOutput, type Output } from '../output/output.js';
import type { Systems } from '../supervisor/systems.js';
import type { World } from '../world.js';
import { type AgentCell, endWatch } from './cell.js';
import { endRuntime } from './runtime.js';
import { notifyWatchers } from './waiting.js';

/** Creates an agent's actor in the systems of its supervisor; it starts as `stopped`. */
export function createAgent(
  world: World,
  systems: Systems,
  spec: AgentSpec,
  path: string,
  { tell, stop }: Pick<AgentCell, 'tell' | 'stop'>,
): AgentCell {
  const identity = world.registry.identity(path, world.clock.wall());
  const isNew = identity.output === null;
  identity.output ??= newOutput(world, spec, path);
  const { uuid, createdAt, incarnation, output } = identity;
  const input = { id: spec.id, path, settings: settingsOf(spec), incarnation };
  const ref = systems.spawn(world.logics.agent, { id: spec.id, input }) as AgentCell['ref'];
  const cell: AgentCell = {
    path,
    id: spec.id,
    uuid,
    spec,
    createdAt,
    output,
    tell,
    stop,
    identity,
    ref,
    context: ref.getSnapshot().context,
    state: 'stopped',
    since: world.clock.wall(),
    body: null,
    order: null,
    pid: null,
    exit: null,
    blockers: [],
    unfrozen: null,
    overLimit: null,
    runtime: null,
    unwatch: null,
    word: null,
  };
  world.registry.addAgent(cell);
  if (isNew) world.reports.emit(path, { type: 'created', uuid });
  return cell;
}

function newOutput(world: World, spec: AgentSpec, path: string): Output {
  return createOutput(spec.output, world.clock, (thrown) => world.complain(path, thrown));
}

/** Ends an agent's actor. Its process must be gone. `forget`: the same path would be somebody new. */
export function disposeAgent(world: World, systems: Systems, cell: AgentCell, forget: boolean): void {
  endWatch(cell);
  world.monitor.unwatch(cell.path);
  endRuntime(world.clock, cell);
  systems.dismiss(cell.ref);
  world.registry.removeAgent(cell, forget);
  if (!forget) return;
  world.reports.emit(cell.path, { type: 'removed', uuid: cell.uuid });
  notifyWatchers(cell.identity);
}

/** The last settings made: the instances of a pool have specs of their own which differ in the id alone, and one object serves them all. */
let latest: { readonly spec: AgentSpec; readonly settings: AgentSettings } | null = null;

function settingsOf(spec: AgentSpec): AgentSettings {
  const { readiness, ports, successCodes, stop } = spec;
  const known = latest?.spec;
  const same = known?.stop === stop && known.readiness === readiness && known.ports === ports;
  if (latest !== null && same && known.successCodes === successCodes) return latest.settings;
  const readyAtOnce = readiness.type === 'none' && readiness.minUptime === 0;
  const made = { leases: ports.length > 0, readyAtOnce, readyTimeout: readiness.timeout, successCodes, stop };
  latest = { spec, settings: made };
  return made;
}
