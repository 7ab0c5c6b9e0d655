import type { AgentHandle, SupervisorHandle } from '../contract/view.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import { type Decoded, decode, encode, glimpse } from '../protocol/decode.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';
import { type About, encodeRefusal } from '../protocol/refusal.js';
import { MAX_VALUES } from '../protocol/scan.js';
import { repeatedVerbatim } from '../protocol/verbatim.js';
import { GuardedTree, type Opened } from './access/guarded-tree.js';
import { admitted } from './admission.js';
import { askedBy } from './asked.js';
import { answerBatch } from './batch.js';
import { answerAction, answerControl } from './commands.js';
import type { Control } from './control.js';
import { answerHealth, answerList } from './listing.js';
import { answerOutputQuery } from './output-query.js';
import type { Request } from './request.js';
import { localContext, type RequestContext } from './request-context.js';
import { withRequestOptions } from './request-options.js';
import { answerSpawn } from './spawn.js';
import { answerTree } from './tree-request.js';

type Interim = (bytes: Buffer) => void;

/**
 * Answers any message: with the result, or with the error, in the response type of the request if that is known. Never rejects; interim messages only come
 * before the answer. If `context` is not given, the message came from this process.
 */
export async function answer(
  control: Control,
  bytes: Uint8Array,
  interim: Interim,
  context: RequestContext = localContext(),
): Promise<Buffer> {
  const decoded = context.refused === null ? decode(bytes, MAX_VALUES) : glimpse(bytes, context.refused);
  let isAnswered = false;
  const beforeAnswer: Interim = (sent) => {
    if (!isAnswered) interim(sent);
  };
  try {
    if (!decoded.ok) throw decoded.error;
    const request = { control, context, tree: new GuardedTree(control.tree, control.ended, context.peer) };
    const { message } = decoded;
    return encode(await perform(request, message, bytes, beforeAnswer));
  } catch (thrown) {
    return encodeRefusal(aboutOf(decoded), asSupertreeError(thrown), control.serverId);
  } finally {
    isAnswered = true;
  }
}

/**
 * 1. Finds the operation and the agent or supervisor that the message names (`askedBy`).
 * 2. Checks that the peer knows the subject and has the role (`GuardedTree.open`), and writes the audit line (`admitted`).
 * 3. Applies idempotency key, deadline and acceptance (`withRequestOptions`).
 * 4. Does the work.
 */
function perform(
  request: Request,
  message: Message<MessageType>,
  bytes: Uint8Array,
  interim: Interim,
): Promise<Draft<MessageType>> {
  const asked = askedBy(message, request.control.parent ?? null);
  return admitted(request, asked, (opened) =>
    withRequestOptions(request, message, asked, interim, async (say) =>
      repeatedVerbatim(await reply(request, message, opened, say), message, bytes),
    ),
  );
}

type Reply = Draft<MessageType> | Promise<Draft<MessageType>>;

/** `opened` is the subject of the message, by the declaration of its operation. */
function reply(request: Request, message: Message<MessageType>, opened: Opened, interim: Interim): Reply {
  switch (message.type) {
    case 'spawn_request':
      return answerSpawn(request, message, opened as SupervisorHandle);
    case 'control_command':
      return answerControl(request, message, opened as AgentHandle);
    case 'list_agents_request':
      return answerList(request, message);
    case 'health_check_request':
      return answerHealth(request, message);
    case 'tree_request':
      return answerTree(request, message, opened, interim);
    case 'custom_action_request':
      return answerAction(request, message, opened as AgentHandle);
    case 'batch_control_command':
      return answerBatch(request, message);
    case 'output_query_request':
      return answerOutputQuery(request, message, opened as AgentHandle);
    default:
      throw new SupertreeError('MESSAGE_TYPE', { type: message.type });
  }
}

function aboutOf(decoded: Decoded): About {
  if (!decoded.ok) return decoded;
  const { message } = decoded;
  return {
    type: message.type,
    requestId: 'request_id' in message ? message.request_id : '',
    agentId: 'agent_id' in message ? message.agent_id : null,
  };
}
