import {
  addition,
  bool,
  bytes,
  defaulted,
  type Fields,
  int,
  json,
  list,
  map,
  oneOf,
  optional,
  required,
  saturating,
  string,
  time,
  uint,
  uuid,
  type ValuesOf,
  value,
  valueMap,
} from './kinds.js';
import { agentConfig, agentIds, agentInfo, agentStatus, batchResult, commandType, updateType } from './structs.js';

export {
  AGENT_STATUSES,
  type AgentConfig,
  type AgentInfo,
  type AgentStatus,
  type BatchResult,
  CONTROL_COMMANDS,
  type ControlCommandType,
  MAX_BATCH,
  STRUCTS,
} from './structs.js';

/** The version of the agent protocol. */
export const PROTOCOL_VERSION = '1.0.0';

/** The largest message that is accepted or sent, in bytes. */
export const MAX_MESSAGE_SIZE = 10 * 1024 * 1024;

/** The nil uuid, for an answer that must carry a uuid when none could be read. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000';

const amount = saturating(uint);

/** The error fields that supertree adds to its answers, so that a program need not parse the sentence. */
const reasons = { code: addition(string), remedy: addition(string), details: addition(json) };

/** The fields that supertree adds to requests: see `operations.ts`. */
const requestOptions = {
  idempotency_key: addition(string),
  deadline: addition(saturating(int)),
  accepted: addition(bool),
};

/**
 * Every message: its index in the agent protocol (`null` for additions of supertree) and its fields in the order of the array form. Reading, writing,
 * validation and the reference page derive from this table.
 */
export const MESSAGES = {
  spawn_request: message(0, {
    request_id: required(string),
    config: required(agentConfig),
    timeout_secs: optional(amount),
    metadata: optional(map(string)),
    max_runtime: addition(amount),
    stdin: addition(oneOf('StdinMode', ['pipe', 'closed'])),
    ...requestOptions,
  }),
  spawn_response: message(1, {
    request_id: required(string),
    success: required(bool),
    agent_info: optional(agentInfo),
    error: optional(string),
    server_id: optional(string),
    ...reasons,
  }),
  control_command: message(2, {
    request_id: required(string),
    agent_id: required(uuid),
    command_type: required(commandType),
    payload: optional(json),
    ...requestOptions,
  }),
  command_response: message(3, {
    request_id: required(string),
    agent_id: required(uuid),
    success: required(bool),
    status: optional(agentStatus),
    data: optional(json),
    error: optional(string),
    ...reasons,
  }),
  status_update: message(4, {
    agent_id: required(uuid),
    update_type: required(updateType),
    status: optional(agentStatus),
    message: optional(string),
    data: optional(json),
    timestamp: required(time),
  }),
  list_agents_request: message(5, {
    request_id: required(string),
    filter_status: optional(agentStatus),
    limit: optional(amount),
  }),
  list_agents_response: message(6, {
    request_id: required(string),
    success: required(bool),
    agents: defaulted(list(agentInfo), []),
    error: optional(string),
    ...reasons,
  }),
  health_check_request: message(7, { request_id: required(string) }),
  health_check_response: message(8, {
    request_id: required(string),
    healthy: required(bool),
    protocol_version: required(string),
    uptime_secs: optional(uint),
    active_agents: optional(uint),
    metadata: optional(map(string)),
    error: addition(string),
    ...reasons,
  }),
  custom_action_request: message(9, {
    request_id: required(string),
    agent_id: required(uuid),
    action: required(string),
    params: optional(json),
    timeout_secs: optional(amount),
    ...requestOptions,
  }),
  batch_control_command: message(10, {
    request_id: required(string),
    agent_ids: required(agentIds),
    command_type: required(commandType),
    payload: optional(json),
    fail_fast: defaulted(bool, false),
    ...requestOptions,
  }),
  batch_control_response: message(11, {
    request_id: required(string),
    success: required(bool),
    results: required(list(batchResult)),
    successful: required(uint),
    failed: required(uint),
    error: addition(string),
    ...reasons,
  }),
  output_query_request: message(12, {
    request_id: required(string),
    agent_id: required(uuid),
    stream: required(oneOf('ZmqOutputStream', ['stdout', 'stderr', 'both'])),
    filter: optional(string),
    limit: optional(amount),
    offset: optional(amount),
  }),
  output_query_response: message(13, {
    request_id: required(string),
    agent_id: required(uuid),
    success: required(bool),
    lines: defaulted(list(string), []),
    total_lines: optional(uint),
    has_more: defaulted(bool, false),
    error: optional(string),
    ...reasons,
  }),
  log_stream: message(14, {
    agent_id: required(uuid),
    stream_type: required(oneOf('LogStreamType', ['stdout', 'stderr'])),
    data: required(bytes),
    timestamp: required(time),
    sequence: required(uint),
  }),
  tree_request: message(null, {
    request_id: required(string),
    operation: required(string),
    params: defaulted(valueMap, {}),
    progress: defaulted(bool, false),
    ...requestOptions,
  }),
  tree_response: message(null, {
    request_id: required(string),
    success: required(bool),
    data: optional(value),
    error: optional(string),
    ...reasons,
  }),
  tree_progress: message(null, {
    request_id: required(string),
    path: required(string),
    state: required(string),
    detail: required(string),
  }),
  accepted: message(null, { request_id: required(string) }),
  error_response: message(null, {
    request_id: required(string),
    success: required(bool),
    error: required(string),
    ...reasons,
  }),
} as const;

export type MessageType = keyof typeof MESSAGES;

/** One message, typed from its table. Optional fields are `null` when absent. */
export type Message<T extends MessageType> = T extends MessageType
  ? { type: T } & ValuesOf<(typeof MESSAGES)[T]['fields']>
  : never;

/** A message to be sent: optional fields may be left out. */
export type Draft<T extends MessageType> = T extends MessageType ? { type: T } & DraftOf<Message<T>> : never;

type DraftOf<M> = { [K in keyof M as null extends M[K] ? never : K]: M[K] } & {
  [K in keyof M as null extends M[K] ? K : never]?: M[K];
};

function message<F extends Fields>(
  index: number | null,
  fields: F,
): { readonly index: number | null; readonly fields: F } {
  return { index, fields };
}
