import type { AgentView, SupervisorHandle } from '../contract/view.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import { idProblem, joinPath, MAX_ID_LENGTH } from '../model/id.js';
import type { CommandTemplate } from '../model/input.js';
import { PROCESS_DEFAULTS } from '../model/process.js';
import { invalid } from '../protocol/kinds.js';
import type { Draft, Message } from '../protocol/protocol.js';
import { agentInfo, WIRE_KEYS } from '../protocol/status.js';
import type { SpawnPlan } from './control.js';
import type { Request } from './request.js';
import { withTimeLimit } from './time-limit.js';

/**
 * Adds the agent of a configuration and answers when it is ready, or with START_FAILED after `timeout_secs`. After its end, its exit and its output are
 * kept for some time: see ended-agents.ts.
 */
export async function answerSpawn(
  request: Request,
  message: Message<'spawn_request'>,
  supervisor: SupervisorHandle,
): Promise<Draft<'spawn_response'>> {
  const view = await spawn(request, message, supervisor);
  return {
    type: 'spawn_response',
    request_id: message.request_id,
    success: true,
    agent_info: agentInfo(view),
    server_id: request.control.serverId,
  };
}

async function spawn(
  { control, tree }: Request,
  message: Message<'spawn_request'>,
  supervisor: SupervisorHandle,
): Promise<AgentView> {
  const { config, timeout_secs: seconds } = message;
  if (seconds === 0) throw invalid('spawn_request.timeout_secs', 'must be an integer from 1', seconds);
  const spec = specOf(message, control.plan(config));
  const isTaken = (id: string) => supervisor.has(id) || control.additions.has(joinPath(supervisor.path, id));
  const id = freeId(config.name, isTaken);
  const adding = control.additions.add(joinPath(supervisor.path, id), 1, () => supervisor.add({ ...spec, id }));
  // The stop of a late agent is the server's own: the peer need not have the role for it.
  const own = control.tree.supervisor(supervisor.path);
  const added =
    seconds === null ? adding : endWhenLate({ adding, supervisor: own, id, seconds, failed: control.failed });
  return tree.agent(await added.catch((thrown) => refuse(thrown, config.model_backend)), 'spawn').view();
}

/** A spawned agent is temporary: its client decides about a restart. A crash is reported. */
function specOf(request: Message<'spawn_request'>, plan: SpawnPlan): CommandTemplate {
  const { config, metadata, max_runtime: maxRuntime, stdin } = request;
  if (maxRuntime === 0) throw invalid('spawn_request.max_runtime', 'must be an integer from 1', maxRuntime);
  const own = {
    [WIRE_KEYS.name]: config.name,
    [WIRE_KEYS.backend]: config.model_backend,
    [WIRE_KEYS.task]: config.task,
  };
  return {
    command: plan.command,
    env: plan.env,
    restart: 'temporary',
    stdin: stdin ?? plan.stdin ?? PROCESS_DEFAULTS.stdin,
    ...(maxRuntime !== null && { maxRuntime }),
    metadata: { ...metadata, ...own },
  };
}

interface TimedSpawn {
  readonly adding: Promise<string>;
  readonly supervisor: SupervisorHandle;
  readonly id: string;
  readonly seconds: number;
  readonly failed: (thrown: unknown) => void;
}

/** The path of the agent when it is ready in time. Otherwise START_FAILED is thrown at once, and the agent is stopped, which removes it. */
function endWhenLate({ adding, supervisor, id, seconds, failed }: TimedSpawn): Promise<string> {
  let expired: SupertreeError | undefined;
  const late = () => {
    const reason = `it was not ready within ${seconds} s (timeout_secs), and is stopped`;
    expired = new SupertreeError('START_FAILED', { agent: `${supervisor.path}/${id}`, reason });
    supervisor.terminate(id).catch(failed);
    return expired;
  };
  // The stop makes the addition fail as well, which is no further error.
  const added = adding.catch((thrown) => {
    throw expired ?? thrown;
  });
  return withTimeLimit(added, seconds * 1000, late, failed);
}

/** Adds the backend to the error, which the sentence of the agent protocol names. */
function refuse(thrown: unknown, backend: string): never {
  const error = asSupertreeError(thrown);
  if (error.code !== 'START_FAILED') throw error;
  throw new SupertreeError('START_FAILED', { ...error.details, backend }, error);
}

/**
 * A valid and free id from a name. Numbered ids are the lowest free ones as long as no lower one is missing; among thousands of the same name it tries a
 * dozen.
 */
function freeId(name: string, isTaken: (id: string) => boolean): string {
  const base = validId(name);
  if (!isTaken(base)) return base;
  const numbered = (n: number) => `${base}-${n}`;
  let [low, high] = [1, 2];
  while (isTaken(numbered(high))) [low, high] = [high, 2 * high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isTaken(numbered(middle))) low = middle;
    else high = middle;
  }
  return numbered(high);
}

/** The longest part of an id before its number. */
const MAX_BASE = MAX_ID_LENGTH - 12;

function validId(name: string): string {
  const plain = name
    .trim()
    .replace(/[^\w.-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .slice(0, MAX_BASE);
  const id = /^[A-Za-z]/.test(plain) ? plain : `agent${plain === '' ? '' : '-'}${plain}`;
  return idProblem(id) === null ? id : `agent-${id}`;
}
