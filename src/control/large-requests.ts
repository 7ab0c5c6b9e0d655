import { asSupertreeError, SupertreeError } from '../errors.js';
import { type Decoded, decode, typeOfTag, undecoded } from '../protocol/decode.js';
import { show } from '../protocol/kinds.js';
import { operationOf, operationPerAgent, unknownOperation } from '../protocol/operation-of.js';
import type { MessageType } from '../protocol/protocol.js';
import { FEW_VALUES, type Head, hasMoreValues, headOf, MAX_VALUES } from '../protocol/scan.js';
import { commandType } from '../protocol/structs.js';
import { auditUndecoded } from './admission.js';
import type { Request } from './request.js';

/** The number of values in which the head of most messages is. */
const HEAD_VALUES = 16;

/**
 * Decodes a request. One with more than `FEW_VALUES` values is decoded only when its head names an operation that may have so many, and when its sender has
 * the role for that operation anywhere: otherwise it is refused, because decoding would block all other requests for longer than any other request. A head
 * in a form that is not understood here is refused too, so no form leads past this check. Never throws: the errors are those of `decode`, and FORBIDDEN,
 * KEY_UNPROVEN and COMMAND_UNKNOWN.
 */
export function decodeRequest(request: Request): Decoded {
  const { bytes } = request;
  if (!hasMoreValues(bytes, FEW_VALUES)) return decode(bytes, MAX_VALUES);
  const early = headOf(bytes, HEAD_VALUES);
  const refused = isComplete(early) ? refusedBy(request, early) : null;
  // Of a key that comes twice the last value counts, so the whole message is read for its head before any of it is decoded.
  return refused ?? decode(bytes, MAX_VALUES, () => refusedBy(request, headOf(bytes)));
}

function isComplete(head: Head): boolean {
  const type = typeOfTag(head.tag);
  if (type === null || head.requestId === null) return false;
  return !NAMING.has(type) || nameIn(head, type) !== null;
}

function refusedBy(request: Request, head: Head): Decoded | null {
  try {
    assertMayBeLarge(request, head);
    return null;
  } catch (thrown) {
    return undecoded(asSupertreeError(thrown), head);
  }
}

/** Throws the errors of `assertRoleSomewhere`, and MESSAGE_TYPE, MESSAGE_INVALID or COMMAND_UNKNOWN when no peer may send so large a message. */
function assertMayBeLarge(request: Request, head: Head): void {
  const type = typeOfTag(head.tag);
  const name = nameIn(head, type);
  assertRole(request, head, type, name);
  if (type === null) throw new SupertreeError('MESSAGE_TYPE', { type: show(head.tag) });
  if (NAMING.has(type)) assertKnown(type, name);
  const operation = operationOf(type, name);
  if (operation === null) throw new SupertreeError('MESSAGE_TYPE', { type });
  if (!operation.large) throw tooLarge(`which ${name ?? type} never needs`);
}

function assertRole(request: Request, { requestId }: Head, type: MessageType | null, name: string | null): void {
  const operation = type === null ? null : operationPerAgent(type, name);
  try {
    request.tree.assertRoleSomewhere(operation?.role ?? null);
  } catch (thrown) {
    auditUndecoded(request, { id: requestId ?? '', verb: name ?? type ?? '', operation }, thrown);
    throw thrown;
  }
}

/** The messages whose operation has a name of its own. */
const NAMING: ReadonlySet<MessageType | null> = new Set(['tree_request', 'control_command', 'batch_control_command']);

/** As `operationNameIn` of the decoded message; `null` when it could not be read. */
function nameIn({ operation, command }: Head, type: MessageType | null): string | null {
  if (!NAMING.has(type)) return null;
  return type === 'tree_request' ? operation : command;
}

function assertKnown(type: MessageType, name: string | null): void {
  if (name === null) throw tooLarge('and no readable name of its operation');
  if (type !== 'tree_request') commandType.read(name, `${type}.command_type`);
  else if (operationOf(type, name) === null) throw unknownOperation(name);
}

function tooLarge(rest: string): SupertreeError {
  return new SupertreeError('MESSAGE_INVALID', { problem: `it has more than ${FEW_VALUES} values, ${rest}` });
}
