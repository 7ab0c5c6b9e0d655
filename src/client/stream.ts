import { SupertreeError } from '../errors.js';
import { decode } from '../protocol/decode.js';
import { isMap } from '../protocol/kinds.js';
import type { Message } from '../protocol/protocol.js';
import { errorOf } from './answers.js';
import type { Feed } from './feed.js';
import { follow, type Scope } from './follow.js';
import type { ServerLink } from './server.js';

/** What a server of the agent protocol publishes about an agent. */
export type StreamMessage = Message<'log_stream'> | Message<'status_update'>;

/** How long nothing may come before it is looked again whether the subscription still is, in ms. Most of the time nothing happens. */
const PATIENCE = 3_600_000;

/** What a server publishes about one agent, as it comes: what was published before, or is lost on the way, is not told. */
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
    const word = await scope.race(feed.next(PATIENCE));
    if (word.type === 'woken' || word.type === 'closed') return;
    const decoded = word.type === 'frame' ? decode(word.document) : null;
    if (decoded?.ok !== true) continue;
    const { message } = decoded;
    if (message.type === 'log_stream' || message.type === 'status_update') yield message;
  }
}

/** Rejects what the server refuses; UNSUPPORTED when it does not say where. */
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

/** A server may tell the address that it is bound to, which on another machine means that machine: then it is where its requests go. */
function reachable(published: string, asked: string): string {
  const [, host] = /^tcp:\/\/(\[[^\]]+\]|[^:]+):/.exec(asked) ?? [];
  return host === undefined ? published : published.replace(/^tcp:\/\/(0\.0\.0\.0|\*|\[::\]):/, `tcp://${host}:`);
}
