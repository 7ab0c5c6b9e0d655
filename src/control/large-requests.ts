import { SupertreeError } from '../errors.js';
import { type Decoded, decode, typeOfTag, undecoded } from '../protocol/decode.js';
import { show } from '../protocol/kinds.js';
import {
  COMMAND_OPERATIONS,
  MESSAGE_OPERATIONS,
  OPERATIONS,
  type Operation,
  operationNamed,
  type Role,
} from '../protocol/operations.js';
import type { ControlCommandType, Message, MessageType } from '../protocol/protocol.js';
import { FEW_VALUES, type Head, hasMoreValues, headOf, MAX_VALUES } from '../protocol/scan.js';
import { UNPROVEN } from './access/roles.js';
import { type Asked, auditRefusal } from './admission.js';
import type { Request } from './request.js';

/** The number of values in which the head of most messages is. */
const HEAD_VALUES = 16;

/**
 * Decodes a request. One with more than `FEW_VALUES` values is decoded only when its operation may have so many, and when its sender has the role for that
 * operation anywhere: otherwise it is refused by its head, because decoding would block all other requests for longer than any other request. Never
 * throws: the errors are those of `decode`, and FORBIDDEN, KEY_UNPROVEN and COMMAND_UNKNOWN.
 */
export function decodeRequest(request: Request): Decoded {
  const { bytes } = request;
  if (!hasMoreValues(bytes, FEW_VALUES)) return decode(bytes, MAX_VALUES);
  const early = headOf(bytes, HEAD_VALUES);
  const head = isComplete(early) ? early : headOf(bytes);
  const refusal = refusalOf(request, head);
  return refusal === null ? decode(bytes, MAX_VALUES) : undecoded(refusal, head);
}

function isComplete({ tag, requestId, agentId, operation }: Head): boolean {
  return tag !== null && requestId !== null && (operation ?? agentId) !== null;
}

function refusalOf(request: Request, head: Head): SupertreeError | null {
  const { peer } = request.tree;
  const type = typeOfTag(head.tag);
  // `decode` also reads other forms of a tag.
  if (type === null && peer !== UNPROVEN) return null;
  const name = nameIn(head);
  const role = roleOf(type, name);
  if (peer !== UNPROVEN) {
    const problem = problemOf(type, name);
    if (problem !== null || request.tree.hasRoleSomewhere(role)) return problem;
  }
  const refusal =
    peer === UNPROVEN
      ? new SupertreeError('KEY_UNPROVEN')
      : new SupertreeError('FORBIDDEN', { role: role ?? 'observe', subtree: request.tree.home });
  auditRefusal(request, standIn(head, name ?? type ?? ''), refusal);
  return refusal;
}

/** In array form a `tree_request` has its operation where other requests have the agent. */
function nameIn({ operation, agentId, tag }: Head): string | null {
  return operation ?? (tag === 'tree_request' && typeof agentId === 'string' ? agentId : null);
}

/** Why no peer may send so large a message of this type; `null` when some may. */
function problemOf(type: MessageType | null, name: string | null): SupertreeError | null {
  if (type === 'tree_request' && !Object.hasOwn(OPERATIONS, name ?? '')) {
    return new SupertreeError('COMMAND_UNKNOWN', { command: show(name), known: Object.keys(OPERATIONS).join(', ') });
  }
  const operation = operationOf(type, name);
  // A command by its index is read by `decode`.
  if (operation === null) return type === 'control_command' ? null : new SupertreeError('MESSAGE_TYPE', { type });
  if (operation.large) return null;
  const problem = `it has more than ${FEW_VALUES} values, which ${name ?? type} never needs`;
  return new SupertreeError('MESSAGE_INVALID', { problem });
}

function operationOf(type: MessageType | null, name: string | null): Operation | null {
  if (type === 'tree_request') return operationNamed(name ?? '', {});
  if (type === 'control_command') return commandNamed(name);
  return type === null ? null : (MESSAGE_OPERATIONS.get(type) ?? null);
}

/** The role that it needs; `null` when any role may do. */
function roleOf(type: MessageType | null, name: string | null): Role | null {
  const operation = type === 'batch_control_command' ? commandNamed(name) : operationOf(type, name);
  return operation?.role ?? null;
}

function commandNamed(name: string | null): Operation | null {
  return COMMAND_OPERATIONS.get(name as ControlCommandType) ?? null;
}

/** A request for the audit log, with the name of the operation and without parameters. */
function standIn({ requestId }: Head, operation: string): Asked {
  const message: Message<'tree_request'> = {
    type: 'tree_request',
    request_id: requestId ?? '',
    operation,
    params: {},
    progress: false,
    idempotency_key: null,
    deadline: null,
    accepted: null,
  };
  return { message, operation: operationNamed(operation, {}), ref: null };
}
