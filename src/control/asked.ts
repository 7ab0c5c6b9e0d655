import { COMMAND_OPERATIONS, MESSAGE_OPERATIONS, type Operation, operationNamed } from '../protocol/operations.js';
import type { Message, MessageType } from '../protocol/protocol.js';

/** A message with its operation and subject. */
export interface Asked {
  readonly message: Message<MessageType>;
  /** With the role that its parameters need. `null` for a message that is no request, or that names an unknown operation. */
  readonly operation: Operation | null;
  /** The name of the agent or the supervisor in the message; `null` for none. */
  readonly ref: string | null;
}

/** Reads the operation and the names of its subject from a message. `parent`: the supervisor to which a `spawn_request` adds. */
export function askedBy(message: Message<MessageType>, parent: string | null): Asked {
  if (message.type === 'tree_request') {
    const operation = operationNamed(message.operation, message.params);
    const ref = operation?.named === undefined ? null : message.params[operation.named];
    return { message, operation, ref: typeof ref === 'string' ? ref : null };
  }
  const operation =
    message.type === 'control_command'
      ? COMMAND_OPERATIONS.get(message.command_type)
      : MESSAGE_OPERATIONS.get(message.type);
  const agent = 'agent_id' in message ? message.agent_id : null;
  return { message, operation: operation ?? null, ref: message.type === 'spawn_request' ? parent : agent };
}

/** False for an operation that changes nothing: an idempotency key has no meaning for it. */
export function isKeyed({ message, operation }: Asked): boolean {
  const each = message.type === 'batch_control_command' ? COMMAND_OPERATIONS.get(message.command_type) : operation;
  return (each?.idempotency ?? 'none') !== 'none';
}
