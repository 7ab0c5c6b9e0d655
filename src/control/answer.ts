import type { AgentHandle, SupervisorHandle } from '../contract/view.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import { type Decoded, encode, undecodedHead } from '../protocol/decode.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';
import { type About, encodeRefusal } from '../protocol/refusal.js';
import { repeatedVerbatim } from '../protocol/verbatim.js';
import { GuardedTree, type Opened } from './access/guarded-tree.js';
import { type Admitted, admitted, askedBy } from './admission.js';
import { answerBatch } from './batch.js';
import { answerAction, answerControl } from './commands.js';
import type { Control } from './control.js';
import { decodeRequest } from './large-requests.js';
import { answerHealth, answerList } from './listing.js';
import { answerOutputQuery } from './output-query.js';
import type { Request } from './request.js';
import { localContext, type RequestContext } from './request-context.js';
import { withRequestOptions } from './request-options.js';
import { answerSpawn } from './spawn.js';
import { answerTree } from './tree-operations.js';

type Interim = (bytes: Buffer) => void;

/**
 * Answers any message: with the result, or with the error, in the response type of the request if that is known. Never rejects; interim messages only come
 * before the answer. If `context` is not given, the message came from this process.
 *
 * 0. Decodes it; a large one only when its operation and its sender may be that large (`decodeRequest`).
 * 1. Finds the operation and the agent or supervisor that the message names (`askedBy`).
 * 2. Checks that the peer knows the subject and has the role (`GuardedTree.open`), and writes the audit line (`admitted`).
 * 3. Applies idempotency key, deadline and acceptance (`withRequestOptions`).
 * 4. Does the work.
 */
export async function answer(
  control: Control,
  bytes: Uint8Array,
  interim: Interim,
  context: RequestContext = localContext(),
): Promise<Buffer> {
  const request = { control, context, bytes, tree: new GuardedTree(control.tree, control.ended, context.peer) };
  const decoded = context.refused === null ? decodeRequest(request) : undecodedHead(bytes, context.refused);
  let isAnswered = false;
  const beforeAnswer: Interim = (sent) => {
    if (!isAnswered) interim(sent);
  };
  try {
    if (!decoded.ok) throw decoded.error;
    const { message } = decoded;
    const asked = askedBy(message, control.parent ?? null);
    const work = (opened: Opened) => withRequestOptions(request, { ...asked, opened }, beforeAnswer, reply);
    return encode(await admitted(request, asked, work));
  } catch (thrown) {
    return encodeRefusal(aboutOf(decoded), asSupertreeError(thrown), control.serverId);
  } finally {
    isAnswered = true;
  }
}

type Reply = Draft<MessageType> | Promise<Draft<MessageType>>;

function reply(request: Request, { message, opened }: Admitted, interim: Interim): Reply {
  switch (message.type) {
    case 'spawn_request':
      return answerSpawn(request, message, opened as SupervisorHandle);
    case 'control_command':
    case 'custom_action_request':
    case 'batch_control_command':
      return answerCommand(request, message, opened);
    case 'list_agents_request':
      return answerList(request, message);
    case 'health_check_request':
      return answerHealth(request, message);
    case 'tree_request':
      return answerTree(request, message, opened, interim);
    case 'output_query_request':
      return answerOutputQuery(request, message, opened as AgentHandle);
    default:
      throw new SupertreeError('MESSAGE_TYPE', { type: message.type });
  }
}

type Command = Message<'control_command' | 'custom_action_request' | 'batch_control_command'>;

/** A custom action may repeat its parameters: the answer has them byte for byte, also when it is remembered for an idempotency key. */
async function answerCommand(request: Request, message: Command, opened: Opened): Promise<Draft<MessageType>> {
  return repeatedVerbatim(await commanded(request, message, opened), message, request.bytes);
}

function commanded(request: Request, message: Command, opened: Opened): Promise<Draft<MessageType>> {
  if (message.type === 'batch_control_command') return answerBatch(request, message);
  if (message.type === 'control_command') return answerControl(request, message, opened as AgentHandle);
  return answerAction(request, message, opened as AgentHandle);
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
