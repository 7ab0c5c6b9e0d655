import { asSupertreeError, SupertreeError } from '../errors.js';
import { type Decoded, decode, encode, glimpse } from '../protocol/decode.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';
import { type About, encodeRefusal } from '../protocol/refusal.js';
import { MAX_VALUES } from '../protocol/scan.js';
import { askedBy, whenAdmitted } from './admission.js';
import { answerBatch } from './batch.js';
import { answerAction, answerControl } from './commands.js';
import { type Control, controlFor } from './control.js';
import { answerHealth, answerList } from './listing.js';
import { answerOutputQuery } from './output-query.js';
import { localContext, type RequestContext } from './request-context.js';
import { withRequestOptions } from './request-options.js';
import { answerSpawn } from './spawn.js';
import { answerTree } from './tree-request.js';

type Interim = (bytes: Buffer) => void;

/**
 * Answers one message, whatever it is: with what was asked for, or with the reason why not, in the response type that belongs to
 * the request where that is known. Never rejects; no interim word comes after the answer. If `context` is not given, it came from inside.
 */
export async function answer(
  control: Control,
  bytes: Uint8Array,
  interim: Interim,
  context: RequestContext = localContext(),
): Promise<Buffer> {
  const decoded = context.refused === null ? decode(bytes, MAX_VALUES) : glimpse(bytes, context.refused);
  const about = aboutOf(decoded);
  let over = false;
  const word: Interim = (sent) => {
    if (!over) interim(sent);
  };
  try {
    if (!decoded.ok) throw decoded.error;
    const { message } = decoded;
    const seen = controlFor(control, context.peer);
    const work = (told: Interim) => reply(seen, message, told, context);
    return encode(
      await whenAdmitted(seen, askedBy(message), () => withRequestOptions(seen, message, context, word, work)),
    );
  } catch (thrown) {
    return encodeRefusal(about, asSupertreeError(thrown), control.serverId);
  } finally {
    over = true;
  }
}

type Reply =
  | Draft<'spawn_response'>
  | Draft<'command_response'>
  | Draft<'list_agents_response'>
  | Draft<'health_check_response'>
  | Draft<'batch_control_response'>
  | Draft<'output_query_response'>
  | Draft<'tree_response'>;

function reply(
  control: Control,
  message: Message<MessageType>,
  interim: Interim,
  context: RequestContext,
): Promise<Reply> {
  switch (message.type) {
    case 'spawn_request':
      return answerSpawn(control, message);
    case 'control_command':
      return answerControl(control, message, context);
    case 'list_agents_request':
      return Promise.resolve(answerList(control, message));
    case 'health_check_request':
      return Promise.resolve(answerHealth(control, message));
    case 'tree_request':
      return answerTree(control, message, interim, context);
    case 'custom_action_request':
      return answerAction(control, message, context);
    case 'batch_control_command':
      return answerBatch(control, message, context);
    case 'output_query_request':
      return answerOutputQuery(control, message, context);
    default:
      return Promise.reject(new SupertreeError('MESSAGE_TYPE', { type: message.type }));
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
