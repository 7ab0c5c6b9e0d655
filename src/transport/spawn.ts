import type { AgentView } from '../actors/view.js';
import { SupertreeError } from '../errors.js';
import { idProblem, MAX_ID_LENGTH } from '../model/id.js';
import { withinLimit } from './capacity.js';
import type { Draft, Message } from './protocol.js';
import type { Service } from './service.js';
import { agentInfo, WIRE_KEYS } from './status.js';

/** Adds the agent that a configuration describes and answers when it is ready, or when `timeout_secs` are over. */
export async function answerSpawn(
  service: Service,
  request: Message<'spawn_request'>,
): Promise<Draft<'spawn_response'>> {
  const view = await spawn(service, request);
  return {
    type: 'spawn_response',
    request_id: request.request_id,
    success: true,
    agent_info: agentInfo(view),
    server_id: service.serverId,
  };
}

async function spawn(service: Service, request: Message<'spawn_request'>): Promise<AgentView> {
  const { config, metadata, timeout_secs: seconds } = request;
  const plan = service.plan(config);
  const supervisor = service.tree.supervisor(service.parent);
  const taken = new Set([...supervisor.view().children.map((child) => child.id), ...service.adding]);
  const id = freeId(config.name, taken);
  const adding = withinLimit(service, id, 1, () =>
    supervisor.add({
      id,
      command: plan.command,
      env: plan.env,
      // What a client spawned is its to spawn again: a crash is told, not repaired.
      restart: 'temporary',
      metadata: {
        ...metadata,
        [WIRE_KEYS.name]: config.name,
        [WIRE_KEYS.backend]: config.model_backend,
        [WIRE_KEYS.task]: config.task,
      },
    }),
  );
  const path = await within(adding, seconds, `spawn of ${id}`, service.failed);
  return service.tree.agent(path).view();
}

/** An id made from a name: valid, and not among `taken`. */
export function freeId(name: string, taken: ReadonlySet<string>): string {
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

/** `work`, or TIMEOUT after so many seconds; the work goes on, and its failure is told to `late`. */
async function within<T>(
  work: Promise<T>,
  seconds: number | null,
  what: string,
  late: (thrown: unknown) => void,
): Promise<T> {
  if (seconds === null || seconds * 1000 > MAX_TIMER) return work;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      work.catch(late);
      reject(new SupertreeError('TIMEOUT', { what, timeout: seconds * 1000 }));
    }, seconds * 1000);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** The longest delay of a Node timer. */
const MAX_TIMER = 2_147_483_647;
