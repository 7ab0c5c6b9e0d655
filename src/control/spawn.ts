import type { AgentView } from '../contract/view.js';
import { idProblem, MAX_ID_LENGTH } from '../model/id.js';
import { invalid } from '../protocol/kinds.js';
import type { Draft, Message } from '../protocol/protocol.js';
import { agentInfo, WIRE_KEYS } from '../protocol/status.js';
import { withinLimit } from './capacity.js';
import type { Control } from './control.js';

/**
 * Adds the agent that a configuration describes and answers when it is ready. After `timeout_secs` the agent is stopped. When it is over its
 * end and its output can be asked for for some time: see ended-agents.ts.
 */
export async function answerSpawn(
  control: Control,
  request: Message<'spawn_request'>,
): Promise<Draft<'spawn_response'>> {
  const view = await spawn(control, request);
  return {
    type: 'spawn_response',
    request_id: request.request_id,
    success: true,
    agent_info: agentInfo(view),
    server_id: control.serverId,
  };
}

async function spawn(control: Control, request: Message<'spawn_request'>): Promise<AgentView> {
  const { config, metadata, timeout_secs: seconds } = request;
  const plan = control.plan(config);
  const supervisor = control.tree.supervisor(control.parent);
  const taken = new Set([
    ...supervisor.view().children.map((child) => child.id),
    ...[...control.additions].map((each) => each.id),
  ]);
  const id = freeId(config.name, taken);
  const adding = withinLimit(control, { path: `${supervisor.path}/${id}`, id, count: 1 }, () =>
    supervisor.add({
      id,
      command: plan.command,
      env: plan.env,
      // What a client spawned is its to spawn again: a crash is told, not repaired.
      restart: 'temporary',
      ...maxRuntime(seconds),
      metadata: {
        ...metadata,
        [WIRE_KEYS.name]: config.name,
        [WIRE_KEYS.backend]: config.model_backend,
        [WIRE_KEYS.task]: config.task,
      },
    }),
  );
  return control.tree.agent(await adding).view();
}

/** So long as no number can hold is for ever. */
function maxRuntime(seconds: number | null): { maxRuntime?: number } {
  if (seconds === 0) throw invalid('spawn_request.timeout_secs', 'must be an integer from 1', seconds);
  return seconds === null || !Number.isSafeInteger(seconds * 1000) ? {} : { maxRuntime: seconds * 1000 };
}

/** An id made from a name: valid, and not among `taken`. */
function freeId(name: string, taken: ReadonlySet<string>): string {
  const base = validId(name);
  if (!taken.has(base)) return base;
  for (let n = 2; ; n++) if (!taken.has(`${base}-${n}`)) return `${base}-${n}`;
}

/** The part of an id that is left for a number behind it. */
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
