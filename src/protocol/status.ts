import type { AgentView } from '../contract/view.js';
import type { AgentState } from '../model/agent.js';
import type { WireTime } from './kinds.js';
import type { AgentInfo, AgentStatus } from './protocol.js';

/**
 * The agent protocol's status for each state. An agent that is being stopped still exists, so it is `running`; one that has ended, or cannot be ended, has
 * a terminal status.
 */
export const STATUS_OF: Readonly<Record<AgentState, AgentStatus>> = {
  spawning: 'initializing',
  running: 'running',
  paused: 'paused',
  stopping: 'running',
  zombie: 'failed',
  failed: 'failed',
  completed: 'completed',
  stopped: 'terminated',
};

/** The metadata keys of a spawned agent for fields that the agent protocol lists and an agent does not have. */
export const WIRE_KEYS = { name: 'agent.name', backend: 'agent.model_backend', task: 'agent.task' } as const;

/** The agent of each view: an agent that did not change has the same view, and so the same bytes in a list. */
const infos = new WeakMap<AgentView, AgentInfo>();

/** One agent as the agent protocol lists it: the same object for the same view. `attach_info` is always nil: nothing can be attached to here. */
export function agentInfo(view: AgentView): AgentInfo {
  const info = infos.get(view) ?? newInfo(view);
  infos.set(view, info);
  return info;
}

function newInfo(view: AgentView): AgentInfo {
  return {
    id: view.uuid,
    name: view.metadata[WIRE_KEYS.name] ?? view.id,
    status: STATUS_OF[view.state],
    model_backend: view.metadata[WIRE_KEYS.backend] ?? 'process',
    started_at: wireTime(view.startedAt ?? view.createdAt),
    task: view.metadata[WIRE_KEYS.task] ?? view.command.join(' '),
    paused_at: view.pausedAt === null ? null : wireTime(view.pausedAt),
    pause_mode: view.pauseMode,
    attach_info: null,
    metadata: ownMetadata(view.metadata),
  };
}

const OWN_KEYS: ReadonlySet<string> = new Set(Object.values(WIRE_KEYS));

/** The metadata of its spec, without the keys that have fields of their own; `null` when empty. */
function ownMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> | null {
  const own = Object.entries(metadata).filter(([key]) => !OWN_KEYS.has(key));
  return own.length === 0 ? null : Object.fromEntries(own);
}

/** Wall-clock ms in the wire form. */
export function wireTime(ms: number): WireTime {
  const secs = Math.floor(ms / 1000);
  return [secs, Math.floor((ms - secs * 1000) * 1_000_000)];
}

/** The name of a status in the spelling of the original server: `Running`. */
export function statusLabel(status: AgentStatus): string {
  return status.charAt(0).toUpperCase() + status.slice(1);
}
