import { SupertreeError } from '../errors.js';
import {
  COMMAND_OPERATIONS,
  MESSAGE_OPERATIONS,
  OPERATIONS,
  type Operation,
  type OperationName,
  roleFor,
} from './operations.js';
import type { ControlCommandType, Message, MessageType } from './protocol.js';

type Params = Readonly<Record<string, unknown>>;

/**
 * The operation of a message of this type, with the role that these parameters need; if none are given, the role of the operation without parameters.
 * `name`: see `operationNameIn`. `null` for an unknown name, and for a message that is no request.
 */
export function operationOf(type: MessageType, name: string | null, params: Params = {}): Operation | null {
  if (type === 'tree_request') return treeOperation(name ?? '', params);
  if (type === 'control_command') return COMMAND_OPERATIONS.get(name as ControlCommandType) ?? null;
  return MESSAGE_OPERATIONS.get(type) ?? null;
}

/** As `operationOf`, but for a batch the operation of its command, which each of its agents gets. */
export function operationPerAgent(type: MessageType, name: string | null): Operation | null {
  return operationOf(type === 'batch_control_command' ? 'control_command' : type, name);
}

/** The operation of a `tree_request`, the command of a `control_command` or of a batch; `null` for other messages. */
export function operationNameIn(message: Message<MessageType>): string | null {
  if (message.type === 'tree_request') return message.operation;
  return 'command_type' in message ? message.command_type : null;
}

/** COMMAND_UNKNOWN for a `tree_request`. */
export function unknownOperation(name: string): SupertreeError {
  return new SupertreeError('COMMAND_UNKNOWN', { command: name, known: Object.keys(OPERATIONS).join(', ') });
}

function treeOperation(name: string, params: Params): Operation | null {
  if (!Object.hasOwn(OPERATIONS, name)) return null;
  const operation: Operation = OPERATIONS[name as OperationName];
  return operation.roleWith === undefined ? operation : { ...operation, role: roleFor(operation, params) };
}
