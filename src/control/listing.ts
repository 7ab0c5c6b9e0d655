import type { AgentView } from '../contract/view.js';
import type { ServerHealth } from '../protocol/operations.js';
import type { Draft, Message } from '../protocol/protocol.js';
import { PROTOCOL_VERSION } from '../protocol/protocol.js';
import { STATUS_OF } from '../protocol/status.js';
import { may } from './access/roles.js';
import type { Control } from './control.js';

/** What this server can do beyond the agent protocol, for `metadata.features`. */
const FEATURES = [
  'tree_request',
  'tree_progress',
  'error_response',
  'error_codes',
  'map_form',
  'events',
  'snapshot',
  'idempotency_key',
  'deadline',
  'accepted',
];

/**
 * Answers with the agents of a status, those that have ended among them, at most `limit`. An agent that never ran is not listed: whoever
 * asked for it got the reason instead.
 */
export function answerList(control: Control, request: Message<'list_agents_request'>): Draft<'list_agents_response'> {
  const { filter_status: status, limit } = request;
  const ended = control.ended.views().filter((view) => hasRun(view) && may(control.peer, 'observe', view.path));
  const all = ended.length === 0 ? control.tree.agents() : [...control.tree.agents(), ...ended];
  const matching = all.filter((view) => status === null || STATUS_OF[view.state] === status);
  return {
    type: 'list_agents_response',
    request_id: request.request_id,
    success: true,
    agents: matching.slice(0, limit ?? matching.length).map((view) => control.infos.get(view)),
  };
}

function hasRun({ readyAt, restarts }: AgentView): boolean {
  return readyAt !== null || restarts > 0;
}

/** Answers with the agent protocol's view of `healthOf`. */
export function answerHealth(
  control: Control,
  request: Message<'health_check_request'>,
): Draft<'health_check_response'> {
  const health = healthOf(control);
  return {
    type: 'health_check_response',
    request_id: request.request_id,
    healthy: health.healthy,
    protocol_version: health.protocolVersion,
    uptime_secs: Math.floor(health.uptime / 1000),
    active_agents: health.active,
    metadata: {
      server_id: health.serverId,
      endpoint: health.endpoints.join(','),
      max_agents: String(health.maxAgents),
      version: health.version,
      features: FEATURES.join(','),
    },
  };
}

/** How the server is. It is healthy as long as its tree has not ended; `active` counts agents that are not over. */
export function healthOf(control: Control): ServerHealth {
  const { tree, serverId, version, maxAgents } = control;
  const states: Record<string, number> = {};
  const agents = tree.agents();
  for (const { state } of agents) states[state] = (states[state] ?? 0) + 1;
  return {
    healthy: tree.status === 'running' || tree.status === 'booting',
    protocolVersion: PROTOCOL_VERSION,
    version,
    serverId,
    endpoints: control.endpoints(),
    uptime: Math.round(performance.now() - control.startedAt),
    agents: agents.length,
    active: agents.filter(({ state }) => !OVER.has(STATUS_OF[state])).length,
    maxAgents,
    states,
  };
}

const OVER: ReadonlySet<string> = new Set(['completed', 'failed', 'terminated']);
