import { SupertreeError } from '../errors.js';
import { decode } from '../protocol/decode.js';
import { isMap } from '../protocol/kinds.js';
import type { Message } from '../protocol/protocol.js';
import { errorOf } from './answers.js';
import type { Feed } from './feed.js';
import { follow, type Scope } from './follow.js';
import type { ServerLink } from './server.js';

/** A message that a server of the agent protocol publishes about an agent. */
export type StreamMessage = Message<'log_stream'> | Message<'status_update'>;

/** The longest single wait for a message, in ms; then the wait is repeated. An agent may be silent for long. */
const LONGEST_WAIT = 3_600_000;

/** The messages that a server publishes about one agent from now on. Lost messages are not reported. */
export function followStream(server: ServerLink, agentId: string): AsyncIterableIterator<StreamMessage> {
  return follow(server, (scope) => messages(server, agentId, scope));
}

async function* messages(server: ServerLink, agentId: string, scope: Scope): AsyncGenerator<StreamMessage> {
  for (let attempt = 0; ; attempt++) {
    const { endpoint, topic } = await scope.insist((timeout) => askWhere(server, agentId, timeout));
    const feed = scope.open([endpoint], attempt, topic);
    const undo = scope.onReconnected(() => feed.wake());
    try {
      yield* framesOf(feed, scope);
    } finally {
      undo();
      feed.close();
    }
  }
}

async function* framesOf(feed: Feed, scope: Scope): AsyncGenerator<StreamMessage> {
  for (;;) {
    const item = await scope.race(feed.next(LONGEST_WAIT));
    if (item.type === 'woken' || item.type === 'closed') return;
    const decoded = item.type === 'frame' ? decode(item.document) : null;
    if (decoded?.ok !== true) continue;
    const { message } = decoded;
    if (message.type === 'log_stream' || message.type === 'status_update') yield message;
  }
}

/** Asks the server for the endpoint and the topic. Rejects with the server's error; UNSUPPORTED when it does not name them. */
async function askWhere(
  server: ServerLink,
  agentId: string,
  timeout: number,
): Promise<{ endpoint: string; topic: string }> {
  const command = { type: 'control_command', agent_id: agentId, command_type: 'stream_logs' } as const;
  const answer = await server.send(command, { timeout });
  if (!answer.success) throw errorOf(answer);
  const data = isMap(answer.data) ? answer.data : {};
  const { pub_endpoint: endpoint, topic = agentId } = data;
  if (typeof endpoint !== 'string' || typeof topic !== 'string') {
    throw new SupertreeError('UNSUPPORTED', { agent: agentId, what: 'streams: the server does not say where' });
  }
  return { endpoint: reachable(endpoint, server.link.endpoint), topic };
}

/** A wildcard address is only valid on the server's own machine: it is replaced by the host that requests go to. */
function reachable(published: string, asked: string): string {
  const [, host] = /^tcp:\/\/(\[[^\]]+\]|[^:]+):/.exec(asked) ?? [];
  return host === undefined ? published : published.replace(/^tcp:\/\/(0\.0\.0\.0|\*|\[::\]):/, `tcp://${host}:`);
}
