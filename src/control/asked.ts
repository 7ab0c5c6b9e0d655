import { isMap } from '../protocol/kinds.js';
import {
  COMMAND_OPERATIONS,
  MESSAGE_OPERATIONS,
  type Operation,
  operationNamed,
  roleFor,
} from '../protocol/operations.js';
import type { Message, MessageType } from '../protocol/protocol.js';

/** The subject and the operation of a message. */
export interface Asked {
  readonly requestId: string;
  /** The command, the operation, or the type of the message. */
  readonly verb: string;
  /** With the role that its parameters need. `null` for a message that is no request, or that names an unknown operation. */
  readonly operation: Operation | null;
  /** The name of the agent or the supervisor in the message; `null` for none. */
  readonly ref: string | null;
  /** The name of a child of the supervisor in the message; `null` for none. */
  readonly child: string | null;
}

/** Reads the operation and the names of its subject from a message. `parent`: the supervisor to which a `spawn_request` adds. */
export function askedBy(message: Message<MessageType>, parent: string | null): Asked {
  const requestId = 'request_id' in message ? message.request_id : '';
  if (message.type === 'tree_request') return { requestId, verb: message.operation, ...askedOf(message) };
  if (message.type === 'control_command') {
    const operation = COMMAND_OPERATIONS.get(message.command_type) ?? null;
    return { requestId, verb: message.command_type, operation, ref: message.agent_id, child: null };
  }
  const verb = 'command_type' in message ? message.command_type : message.type;
  const about = { requestId, verb, operation: MESSAGE_OPERATIONS.get(message.type) ?? null };
  if (message.type === 'spawn_request') return { ...about, ref: parent, child: message.config.name };
  return { ...about, ref: 'agent_id' in message ? message.agent_id : null, child: null };
}

function askedOf({ operation: name, params }: Message<'tree_request'>): Pick<Asked, 'operation' | 'ref' | 'child'> {
  const operation = operationNamed(name);
  const named = operation?.named === undefined ? null : params[operation.named];
  const child = params.id ?? (isMap(params.spec) ? params.spec.id : null);
  return {
    operation: operation && { ...operation, role: roleFor(operation, params) },
    ref: textOf(named),
    child: textOf(child),
  };
}

/** False for an operation that changes nothing: an idempotency key has no meaning for it. */
export function isKeyed(message: Message<MessageType>, { operation }: Asked): boolean {
  const each = message.type === 'batch_control_command' ? COMMAND_OPERATIONS.get(message.command_type) : operation;
  return (each?.idempotency ?? 'none') !== 'none';
}

function textOf(given: unknown): string | null {
  return typeof given === 'string' ? given : null;
}
