import type { AgentView } from '../contract/view.js';
import { failedSupervisors } from '../protocol/failed-supervisors.js';
import type { ServerHealth, UnhealthyAgent } from '../protocol/operations.js';
import type { Draft, Message } from '../protocol/protocol.js';
import { PROTOCOL_VERSION } from '../protocol/protocol.js';
import { agentInfo, STATUS_OF } from '../protocol/status.js';
import type { Control } from './control.js';
import type { Request } from './request.js';

/** The extensions of the agent protocol that this server supports, for `metadata.features`. */
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
 * Answers with the agents of a status, at most `limit`; ended ones come last. An agent that never ran is not listed: the answer to its spawn had the
 * reason.
 */
export function answerList(
  { tree }: Request,
  { request_id, filter_status: status, limit }: Message<'list_agents_request'>,
): Draft<'list_agents_response'> {
  const ended = tree.ended().filter(hasRun);
  const all = ended.length === 0 ? tree.agents() : [...tree.agents(), ...ended];
  const matching = all.filter((view) => status === null || STATUS_OF[view.state] === status);
  return {
    type: 'list_agents_response',
    request_id,
    success: true,
    agents: matching.slice(0, limit ?? matching.length).map((view) => agentInfo(view)),
  };
}

function hasRun({ readyAt, restarts }: AgentView): boolean {
  return readyAt !== null || restarts > 0;
}

/** Answers with the agent protocol's view of `healthOf`. */
export function answerHealth(
  request: Request,
  message: Message<'health_check_request'>,
): Draft<'health_check_response'> {
  const health = healthOf(request);
  return {
    type: 'health_check_response',
    request_id: message.request_id,
    // For a client of the agent protocol, healthy means that the server accepts requests.
    healthy: isServing(request.control),
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

/** The health of the server: healthy while its tree has not ended and no supervisor has failed; `active` counts agents that have not ended. */
export function healthOf({ control, tree: visible }: Request): ServerHealth {
  const { serverId, version, maxAgents } = control;
  const states: Record<string, number> = {};
  const agents = visible.agents();
  for (const { state } of agents) states[state] = (states[state] ?? 0) + 1;
  const failed = failedSupervisors(visible.view());
  return {
    healthy: isServing(control) && failed.length === 0,
    failed,
    unhealthy: agents.filter(isInDoubt).map(unhealthyAgent),
    protocolVersion: PROTOCOL_VERSION,
    version,
    serverId,
    endpoints: control.endpoints(),
    uptime: Math.round(performance.now() - control.startedAt),
    agents: agents.length,
    active: agents.filter(({ state }) => !ENDED.has(STATUS_OF[state])).length,
    maxAgents,
    states,
  };
}

function isInDoubt({ health, healthDetail }: AgentView): boolean {
  return health === 'unhealthy' || healthDetail !== '';
}

function unhealthyAgent({ path, health, healthSince, healthDetail }: AgentView): UnhealthyAgent {
  return { path, health, since: healthSince, detail: healthDetail };
}

function isServing({ tree }: Control): boolean {
  return tree.status === 'running' || tree.status === 'booting';
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'terminated']);
