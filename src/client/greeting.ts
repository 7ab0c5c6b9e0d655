import type { Message, MessageType } from '../protocol/protocol.js';

/** The server as its first answer on a connection describes it. */
export interface Greeting {
  /** True for a server that understands more than the agent protocol. */
  readonly isOurs: boolean;
  /** The server's id, a new one after each start; `null` for a foreign server, which may keep its id over restarts. */
  readonly serverId: string | null;
}

export function greetingOf(message: Message<MessageType>): Greeting {
  if (message.type === 'health_check_response') {
    const { features = '', server_id: id = null } = message.metadata ?? {};
    const isOurs = features.split(',').includes('tree_request');
    return { isOurs, serverId: isOurs ? id : null };
  }
  // An error with a code is an extension of supertree too: the key may have a role, but not `observe`.
  return { isOurs: 'code' in message && message.code !== null, serverId: null };
}
