import { cut, type ErrorDetails, type SupertreeError, shortened } from '../errors.js';
import { encode, type Undecodable } from './decode.js';
import { type BatchResult, type Draft, type MessageType, NIL_UUID, PROTOCOL_VERSION } from './protocol.js';
import { protocolSentence } from './sentences.js';

/** The known fields of a refused request. */
export type About = Omit<Undecodable, 'error'>;

/**
 * The error answer to a refused request. It always fits into one message, whatever the request contained: texts are shortened, lists are cut to 20 items
 * with the number of omitted ones beside them (`list` and `listOmitted`). Never throws.
 */
export function encodeRefusal(about: About, thrown: SupertreeError, serverId: string): Buffer {
  const { code, remedy, details } = thrown;
  const error = about.type === 'tree_request' ? thrown.message : protocolSentence(thrown);
  try {
    return encode(refusal(about, { error, code, remedy, details: briefDetails(details) }, serverId));
  } catch {
    // The request id is too long, or a detail cannot be encoded.
    const requestId = cut(about.requestId, MOST_OF_AN_ID);
    return encode(refusal({ ...about, requestId }, { error, code, remedy, details: {} }, serverId));
  }
}

interface Reason {
  readonly error: string;
  readonly code: string;
  readonly remedy: string;
  readonly details: ErrorDetails;
}

function refusal({ type, requestId, agentId }: About, reason: Reason, serverId: string): Draft<MessageType> {
  const common = { request_id: requestId, success: false, ...reason };
  switch (type) {
    case 'spawn_request':
      return { type: 'spawn_response', server_id: serverId, ...common };
    case 'control_command':
    case 'custom_action_request':
      return { type: 'command_response', agent_id: agentId ?? NIL_UUID, ...common };
    case 'list_agents_request':
      return { type: 'list_agents_response', agents: [], ...common };
    case 'health_check_request':
      return { type: 'health_check_response', healthy: false, protocol_version: PROTOCOL_VERSION, ...common };
    case 'batch_control_command':
      return { type: 'batch_control_response', results: [batchRefusal(reason)], successful: 0, failed: 1, ...common };
    case 'output_query_request':
      return { type: 'output_query_response', agent_id: agentId ?? NIL_UUID, lines: [], has_more: false, ...common };
    case 'tree_request':
      return { type: 'tree_response', ...common };
    default:
      return { type: 'error_response', ...common };
  }
}

/** Clients of the agent protocol read the error of a batch only from its results. */
function batchRefusal({ error, code }: Reason): BatchResult {
  return { agent_id: NIL_UUID, success: false, status: null, error, data: null, code };
}

function briefDetails(details: ErrorDetails): ErrorDetails {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(details)) {
    shown[name] = brief(value, name, 0);
    if (Array.isArray(value) && value.length > MOST_ITEMS) shown[`${name}Omitted`] = value.length - MOST_ITEMS;
  }
  return shown;
}

function brief(value: unknown, name: string, depth: number): unknown {
  if (typeof value === 'string') return shortened(value, name);
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MOST_LEVELS || value instanceof Uint8Array) return '(left out)';
  if (Array.isArray(value)) return value.slice(0, MOST_ITEMS).map((item) => brief(item, name, depth + 1));
  const entries = Object.entries(value).slice(0, MOST_ITEMS);
  return Object.fromEntries(entries.map(([key, item]) => [shortened(key, key), brief(item, key, depth + 1)]));
}

const MOST_ITEMS = 20;
const MOST_LEVELS = 4;
/** The most characters of a request id whose length leaves no room for the answer. */
const MOST_OF_AN_ID = 256;
