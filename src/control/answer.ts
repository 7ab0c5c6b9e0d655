import { asSupertreeError, SupertreeError } from '../errors.js';
import { type Decoded, decode, encode, glimpse } from '../protocol/decode.js';
import type { Draft, Message, MessageType } from '../protocol/protocol.js';
import { type About, encodeRefusal } from '../protocol/refusal.js';
import { MAX_VALUES } from '../protocol/scan.js';
import { askedBy, whenAdmitted } from './admission.js';
import { type Arrival, fromInside } from './arrival.js';
import { answerBatch } from './batch.js';
import { answerAction, answerControl } from './commands.js';
import { type Service, serviceFor } from './control.js';
import { answerHealth, answerList } from './listing.js';
import { answerOutputQuery } from './output-query.js';
import { onTerms } from './request-options.js';
import { answerSpawn } from './spawn.js';
import { answerTree } from './tree-request.js';

type Interim = (bytes: Buffer) => void;

/**
 * Answers one message, whatever it is: with what was asked for, or with the reason why not, in the response type that belongs to
 * the request where that is known. Never rejects; no interim word comes after the answer. If `arrival` is not given, it came from inside.
 */
export async function answer(
  service: Service,
  bytes: Uint8Array,
  interim: Interim,
  arrival: Arrival = fromInside(),
): Promise<Buffer> {
  const decoded = arrival.refused === null ? decode(bytes, MAX_VALUES) : glimpse(bytes, arrival.refused);
  const about = aboutOf(decoded);
  let over = false;
  const word: Interim = (sent) => {
    if (!over) interim(sent);
  };
  try {
    if (!decoded.ok) throw decoded.error;
    const { message } = decoded;
    const seen = serviceFor(service, arrival.peer);
    const work = (told: Interim) => reply(seen, message, told, arrival);
    return encode(await whenAdmitted(seen, askedBy(message), () => onTerms(seen, message, arrival, word, work)));
  } catch (thrown) {
    return encodeRefusal(about, asSupertreeError(thrown), service.serverId);
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

function reply(service: Service, message: Message<MessageType>, interim: Interim, arrival: Arrival): Promise<Reply> {
  switch (message.type) {
    case 'spawn_request':
      return answerSpawn(service, message);
    case 'control_command':
      return answerControl(service, message, arrival);
    case 'list_agents_request':
      return Promise.resolve(answerList(service, message));
    case 'health_check_request':
      return Promise.resolve(answerHealth(service, message));
    case 'tree_request':
      return answerTree(service, message, interim, arrival);
    case 'custom_action_request':
      return answerAction(service, message, arrival);
    case 'batch_control_command':
      return answerBatch(service, message, arrival);
    case 'output_query_request':
      return answerOutputQuery(service, message, arrival);
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
