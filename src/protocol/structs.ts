import {
  addition,
  anyId,
  bool,
  defaulted,
  int,
  json,
  list,
  map,
  oneOf,
  optional,
  required,
  secret,
  string,
  time,
  uuid,
} from './kinds.js';
import { struct } from './struct.js';

/* The enumerations and structures within messages. */

export const AGENT_STATUSES = [
  'idle',
  'initializing',
  'running',
  'thinking',
  'paused',
  'completed',
  'failed',
  'terminated',
] as const;

export const CONTROL_COMMANDS = [
  'pause',
  'resume',
  'stop',
  'kill',
  'write_stdin',
  'read_stdout',
  'read_stderr',
  'get_status',
  'signal',
  'custom_action',
  'query_output',
  'stream_logs',
] as const;

export type AgentStatus = (typeof AGENT_STATUSES)[number];
export type ControlCommandType = (typeof CONTROL_COMMANDS)[number];

// The older version writes Running and the newer one running: both are read.
export const agentStatus = oneOf('AgentStatus', AGENT_STATUSES, true);
const pauseMode = oneOf('PauseMode', ['cooperative', 'forced'], true);
export const commandType = oneOf('ControlCommandType', CONTROL_COMMANDS);
export const updateType = oneOf('StatusUpdateType', [
  'status_changed',
  'output_available',
  'error',
  'completed',
  'terminated',
  'heartbeat',
]);

/** The most agents of one batch. */
export const MAX_BATCH = 1000;

/** The agents of a batch, without a limit: the answer to a larger batch has a result for each of the first agents. */
export const agentIds = list(anyId);

export const agentConfig = struct('AgentConfig', {
  name: defaulted(string, ''),
  model_backend: defaulted(string, ''),
  task: defaulted(string, ''),
  context: optional(string),
  system_prompt: optional(string),
  environment: defaulted(map(secret), {}),
  model: optional(string),
  tool_level: optional(string),
  agents: optional(map(json)),
});

const attachInfo = struct('AttachInfo', {
  connect_url: required(string),
  token: required(string),
  expires_at: required(int),
});

export const agentInfo = struct('AgentInfo', {
  id: required(uuid),
  name: required(string),
  status: required(agentStatus),
  model_backend: required(string),
  started_at: required(time),
  task: required(string),
  paused_at: optional(time),
  pause_mode: optional(pauseMode),
  attach_info: optional(attachInfo),
  metadata: addition(map(string)),
});

export const batchResult = struct('BatchAgentResult', {
  agent_id: required(uuid),
  success: required(bool),
  status: optional(agentStatus),
  error: optional(string),
  data: addition(json),
  code: addition(string),
});

/** The structures within messages, for the reference page. */
export const STRUCTS = [agentConfig, agentInfo, attachInfo, batchResult] as const;

export type AgentConfig = ReturnType<typeof agentConfig.read>;
export type AgentInfo = ReturnType<typeof agentInfo.read>;
export type BatchResult = ReturnType<typeof batchResult.read>;
