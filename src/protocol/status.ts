import type { AgentView } from '../contract/view.js';
import type { AgentState } from '../model/agent.js';
import type { WireTime } from './kinds.js';
import type { AgentInfo, AgentStatus } from './protocol.js';

/**
 * Our states in the words of the agent protocol. An agent that is being stopped is still there, so it is `running`; one that
 * is over, or cannot be ended, has a terminal word.
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

/** Where a spawned agent keeps what the agent protocol lists about it and we have no field for. */
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

const OURS: ReadonlySet<string> = new Set(Object.values(WIRE_KEYS));

/** What its spec says, without what has a field of its own; `null` for nothing. */
function ownMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> | null {
  const own = Object.entries(metadata).filter(([key]) => !OURS.has(key));
  return own.length === 0 ? null : Object.fromEntries(own);
}

/** Wall-clock ms as the wire has them. */
export function wireTime(ms: number): WireTime {
  const secs = Math.floor(ms / 1000);
  return [secs, Math.floor((ms - secs * 1000) * 1_000_000)];
}

/** The name of a status as the original server prints it: `Running`. */
export function statusLabel(status: AgentStatus): string {
  return status.charAt(0).toUpperCase() + status.slice(1);
}
