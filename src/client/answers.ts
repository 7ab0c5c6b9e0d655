import { errorCatalogue, SupertreeError } from '../errors.js';
import { isMap } from '../protocol/kinds.js';
import { COMMAND_OPERATIONS, MESSAGE_OPERATIONS } from '../protocol/operations.js';
import type { Message, MessageType } from '../protocol/protocol.js';
import type { RequestDraft, RequestType } from './requests.js';

/** The answer that belongs to each request. */
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

/** True for messages that get an idempotency key if the caller gives none: by the declaration of their operation. */
export function wantsKey(draft: RequestDraft): boolean {
  const operation =
    'command_type' in draft ? COMMAND_OPERATIONS.get(draft.command_type) : MESSAGE_OPERATIONS.get(draft.type);
  return operation?.idempotency === 'automatic';
}

/** The answer as the one that belongs to the request. Throws the server's own error for an `error_response`, MESSAGE_INVALID for another message. */
export function answerTo<T extends RequestType>(type: T, message: Message<MessageType>): AnswerTo<T> {
  if (message.type === 'error_response') throw errorOf(message);
  if (message.type === ANSWERS[type]) return message as AnswerTo<T>;
  throw new SupertreeError('MESSAGE_INVALID', { problem: `a ${message.type} answers no ${type}` });
}

/** What an answer may carry about why not. */
interface Reasons {
  readonly error: string | null;
  readonly code: string | null;
  readonly details: unknown;
}

/** The error as the server had it, as long as its code is known here. */
export function errorOf({ error, code, details }: Reasons): SupertreeError {
  const known = CODES.get(code ?? '');
  const problem = error ?? 'the server gave no reason';
  if (known === undefined) return new SupertreeError('REFUSED', { problem });
  const same = new SupertreeError(known, isMap(details) ? details : {});
  if (known !== 'DEADLINE') return same;
  // The same moment, seen from the other end: whoever waits knows it by one name.
  const { what, timeout } = { what: 'the request', timeout: 0, ...same.details };
  return new SupertreeError('TIMEOUT', { what, timeout }, same);
}

const CODES = new Map(errorCatalogue().map(({ code }) => [code as string, code]));
