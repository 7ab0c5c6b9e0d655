import type { Message, MessageType } from '../protocol/protocol.js';

/** What a server says of itself in its first answer. */
export interface Greeting {
  /** True for a server that understands more than the agent protocol. */
  readonly isOurs: boolean;
  /** The name that it gives itself, another one after each start; `null` for a foreign one, which may use one for many. */
  readonly serverId: string | null;
}

export function greetingOf(message: Message<MessageType>): Greeting {
  if (message.type === 'health_check_response') {
    const { features = '', server_id: id = null } = message.metadata ?? {};
    const isOurs = features.split(',').includes('tree_request');
    return { isOurs, serverId: isOurs ? id : null };
  }
  // A refusal with a code is ours too: a key may be allowed to do something, and not to look.
  return { isOurs: 'code' in message && message.code !== null, serverId: null };
}
