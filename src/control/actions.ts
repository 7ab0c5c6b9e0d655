import type { AgentHandle } from '../contract/view.js';
import { messageOf, SupertreeError } from '../errors.js';
import { MAX_MESSAGE_SIZE } from '../protocol/protocol.js';
import { STATUS_OF, statusLabel, WIRE_KEYS } from '../protocol/status.js';
import { withTimeLimit } from './time-limit.js';

/** The arguments of an action of an embedding program. */
export interface ActionContext {
  readonly agent: AgentHandle;
  /** The name that was requested. */
  readonly action: string;
  /** As the caller gave them, unchecked. */
  readonly params: unknown;
  /** The name of the caller's key; `local` for a socket without keys. */
  readonly peer: string;
  /** Aborted when the time limit of the caller has passed. */
  readonly signal: AbortSignal;
}

/** Resolves with data for the answer. An error becomes ACTION_FAILED; a SupertreeError is passed on unchanged. */
export type Action = (context: ActionContext) => unknown;

/** Actions by name. They replace built-in ones of the same name (`echo`, `ping`, `get_env`). */
export type Actions = Readonly<Record<string, Action>>;

/** One request for an action. */
export interface ActionRequest {
  readonly agent: AgentHandle;
  readonly action: string;
  readonly params: unknown;
  /** The time limit; `null` for none. */
  readonly timeoutSecs: number | null;
}

/** The environment in which an action runs. */
export interface ActionHost {
  readonly actions?: Actions;
  readonly peer: { readonly name: string };
  /** Called with errors that occur after the caller was answered. */
  readonly failed: (thrown: unknown) => void;
}

/**
 * Runs an action. Resolves with its name and its result. Rejects COMMAND_UNKNOWN; ACTION_FAILED; TIMEOUT, which aborts the signal of the action; its later
 * result is ignored and its later error logged.
 */
export async function runAction(host: ActionHost, request: ActionRequest): Promise<Readonly<Record<string, unknown>>> {
  const { agent, action, timeoutSecs } = request;
  const timeout = timeoutSecs === null ? Number.POSITIVE_INFINITY : timeoutSecs * 1000;
  const known = { ...BUILT_IN, ...host.actions };
  const act = Object.hasOwn(known, action) ? known[action] : undefined;
  if (act === undefined) {
    throw new SupertreeError('COMMAND_UNKNOWN', { command: action, known: Object.keys(known).join(', ') });
  }
  const abort = new AbortController();
  const work = called(act, { ...request, peer: host.peer.name, signal: abort.signal });
  const late = () => {
    const error = new SupertreeError('TIMEOUT', { what: `The action ${action}`, timeout });
    abort.abort(error);
    return error;
  };
  const result = await withTimeLimit(work, timeout, late, host.failed);
  const answer = { action, result: result ?? null };
  return act === BUILT_IN.ping ? { ...answer, agent_id: agent.uuid } : answer;
}

/** `get_env` returns data about the agent, under the names of the list; no environment, in spite of its name. */
const BUILT_IN: Actions = {
  echo: ({ params }) => params,
  ping: () => 'pong',
  get_env: ({ agent }) => {
    const { state, id, since, metadata } = agent.view();
    return {
      status: statusLabel(STATUS_OF[state]),
      name: metadata[WIRE_KEYS.name] ?? id,
      agent_id: agent.uuid,
      last_status_update_secs: Math.floor(since / 1000),
    };
  },
};

async function called(act: Action, context: ActionContext & ActionRequest): Promise<unknown> {
  const { agent, action, params, peer, signal } = context;
  try {
    const result = await act({ agent, action, params, peer, signal });
    // Each value takes at least a byte.
    const size = countOf(result);
    if (size > MAX_MESSAGE_SIZE) throw new SupertreeError('MESSAGE_TOO_LARGE', { size, max: MAX_MESSAGE_SIZE });
    return result;
  } catch (thrown) {
    if (thrown instanceof SupertreeError) throw thrown;
    throw new SupertreeError('ACTION_FAILED', { action, problem: messageOf(thrown) }, thrown);
  }
}

/**
 * The number of values that an encoder would write: a part that is referred to twice is written twice, so a small result may become a huge message. Each
 * object is visited once. Throws for a circular structure, which cannot be encoded.
 */
function countOf(value: unknown, known: Map<unknown, number> = new Map()): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1;
  const counted = known.get(value);
  if (counted === BEING_COUNTED) throw new Error('its result refers to itself');
  if (counted !== undefined) return counted;
  known.set(value, BEING_COUNTED);
  const count = Object.values(value).reduce((sum: number, item) => sum + countOf(item, known), 1);
  known.set(value, count);
  return count;
}

const BEING_COUNTED = 0;
