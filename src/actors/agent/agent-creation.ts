import type { StateValue } from 'xstate';
import { type AgentSettings, initialContext } from '../../model/lifecycle.js';
import type { AgentSpec } from '../../model/spec.js';
import { createOutput, type Output } from '../output/output.js';
import type { AgentEntry } from '../resume/entries.js';
import type { Systems } from '../supervisor/systems.js';
import type { World } from '../world.js';
import type { Agent } from './agent.js';
import type { AgentRecord } from './agent-record.js';
import { notifyWatchers } from './waiting.js';
import { endLivenessWatch, endReadinessWatch } from './watches.js';

/** Creates an agent's actor in the systems of its supervisor; it starts as `stopped`. */
export function createAgent(
  world: World,
  systems: Systems,
  spec: AgentSpec,
  path: string,
  { notifySupervisor, requestStop, awaited }: Pick<Agent, 'notifySupervisor' | 'requestStop' | 'awaited'>,
): Agent {
  const record = world.registry.recordOf(path, world.clock.wall());
  const isNew = record.output === null;
  record.output ??= newOutput(world, spec, path);
  const { uuid, createdAt, incarnation, output } = record;
  const input = { id: spec.id, path, settings: settingsOf(spec), incarnation };
  const earlier = isNew ? world.past?.agent(path) : undefined;
  const times = {
    since: earlier?.since ?? world.clock.wall(),
    startedAt: earlier?.exit?.startedAt ?? null,
    readyAt: earlier?.readyAt ?? null,
  };
  const first = { value: restOf(earlier), context: { ...initialContext(input), ...times } };
  const ref = systems.spawn(world.logics.agent, spec.id, first) as Agent['ref'];
  const agent: Agent = {
    path,
    id: spec.id,
    uuid,
    spec,
    createdAt,
    output,
    notifySupervisor,
    requestStop,
    awaited,
    record,
    ref,
    body: null,
    hook: null,
    order: null,
    exit: earlier?.exit ?? null,
    unwatch: null,
    unreadiness: '',
    word: null,
    statusText: '',
    isMainPidRefused: false,
    liveness: null,
    livenessWatched: 0,
    view: null,
  };
  world.registry.addAgent(agent);
  if (isNew) world.reports.emit(path, { type: 'created', uuid });
  return agent;
}

function newOutput(world: World, spec: AgentSpec, path: string): Output {
  const kept = world.driverOf(spec).kept?.(path);
  const earlier = world.past?.agent(path)?.[kept === undefined ? 'next' : 'lines'];
  const output = createOutput(spec.output, world.clock, {
    onProblem: (thrown) => world.reportError(path, thrown),
    onPiece: () => world.recorder?.noteChanged(path),
    wheel: world.lineWheel,
    isTerminal: spec.process.stdin === 'pty',
    ...(earlier !== undefined && { begins: earlier }),
  });
  if (kept !== undefined) output.restore(kept.output);
  return output;
}

/** The state of its chart before its first start in this program: that in which it was left, or `stopped`. */
function restOf(earlier: AgentEntry | undefined): StateValue {
  if (earlier?.state === 'completed') return 'completed';
  const isWaiting = earlier?.past?.isResting === true || earlier?.past?.planned != null;
  if (earlier?.state !== 'failed' || !isWaiting) return 'stopped';
  return { failed: earlier.detail === 'failed.exhausted' ? 'exhausted' : 'waiting' };
}

/** Removes an agent and its actor. Its process must be gone. `forget`: a later agent at the same path is a different one. */
export function disposeAgent(world: World, systems: Systems, agent: Agent, forget: boolean): void {
  endReadinessWatch(agent);
  endLivenessWatch(agent);
  world.monitor.unwatch(agent.path);
  systems.dismiss(agent.ref);
  world.registry.removeAgent(agent, forget);
  if (forget) reportRemoved(world, agent.path, agent.record);
}

/** Notifies all followers of an agent that it was removed. */
export function reportRemoved(world: World, path: string, record: AgentRecord): void {
  world.reports.emit(path, { type: 'removed', uuid: record.uuid });
  notifyWatchers(record);
}

/** The last settings: the specs of a pool's instances differ in the id alone, so one object serves them all. */
let latest: { readonly spec: AgentSpec; readonly settings: AgentSettings } | null = null;

function settingsOf(spec: AgentSpec): AgentSettings {
  const { readiness, liveness, ports, maxRuntime, successCodes, stop, hooks } = spec;
  const known = latest?.spec;
  const same =
    known?.stop === stop && known.hooks === hooks && known.readiness === readiness && known.liveness === liveness;
  const isSame =
    same && known.ports === ports && known.successCodes === successCodes && known.maxRuntime === maxRuntime;
  if (latest !== null && isSame) return latest.settings;
  const readyAtOnce = readiness.type === 'none' && readiness.minUptime === 0;
  const bounds = { readyTimeout: readiness.timeout, maxRuntime, failures: liveness?.failures ?? 1 };
  const made = { leases: ports.length > 0, readyAtOnce, ...bounds, successCodes, stop, hooks };
  latest = { spec, settings: made };
  return made;
}
