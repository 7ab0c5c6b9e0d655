import { errorCatalogue, SupertreeError } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import { COMMAND_OPERATIONS, MESSAGE_OPERATIONS } from '../protocol/operations.js';
import type { Message, MessageType } from '../protocol/protocol.js';
import type { RequestDraft, RequestType } from './requests.js';

/** The type of answer to each type of request. */
const ANSWERS = {
  spawn_request: 'spawn_response',
  control_command: 'command_response',
  list_agents_request: 'list_agents_response',
  health_check_request: 'health_check_response',
  custom_action_request: 'command_response',
  batch_control_command: 'batch_control_response',
  output_query_request: 'output_query_response',
  tree_request: 'tree_response',
} as const satisfies Record<RequestType, MessageType>;

export type AnswerTo<T extends RequestType> = Message<(typeof ANSWERS)[T]>;

/** True for requests whose operation is declared to need an idempotency key: the client makes one if the caller gives none. */
export function wantsKey(draft: RequestDraft): boolean {
  const operation =
    'command_type' in draft ? COMMAND_OPERATIONS.get(draft.command_type) : MESSAGE_OPERATIONS.get(draft.type);
  return operation?.idempotency === 'automatic';
}

/** Checks that `message` answers a request of `type`. Throws the server's own error for an `error_response`, MESSAGE_INVALID for another type. */
export function answerTo<T extends RequestType>(type: T, message: Message<MessageType>): AnswerTo<T> {
  if (message.type === 'error_response') throw errorOf(message);
  if (message.type === ANSWERS[type]) return message as AnswerTo<T>;
  throw new SupertreeError('MESSAGE_INVALID', { problem: `a ${message.type} answers no ${type}` });
}

/** The error fields of an answer. */
interface Reasons {
  readonly error: string | null;
  readonly code: string | null;
  readonly details: unknown;
}

/** The error that the server sent. Codes that this version does not know become REFUSED. */
export function errorOf({ error, code, details }: Reasons): SupertreeError {
  const known = CODES.get(code ?? '');
  const problem = error ?? 'the server gave no reason';
  if (known === undefined) return new SupertreeError('REFUSED', { problem });
  const same = new SupertreeError(known, isMap(details) ? details : {});
  if (known !== 'DEADLINE') return same;
  // DEADLINE is the server's name for a timeout: callers see one code for both.
  const { what, timeout } = { what: 'the request', timeout: 0, ...same.details };
  return new SupertreeError('TIMEOUT', { what, timeout }, same);
}

const CODES = new Map(errorCatalogue().map(({ code }) => [code as string, code]));
