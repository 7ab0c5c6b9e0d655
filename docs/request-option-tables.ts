import { KEPT_FOR } from '../src/control/idempotency.js';
import { MESSAGES, type MessageType } from '../src/protocol/protocol.js';
import { numberOf } from './declarations.js';
import { code, table } from './markdown.js';

const MAX_KEY = numberOf('control/request-options.ts', 'MAX_KEY');
/** Of the answers that are remembered for one peer. */
const KEPT_BYTES = numberOf('control/control.ts', 'MAX_KEPT_BYTES') / numberOf('control/idempotency.ts', 'SHARES');

/** The options of a request, which supertree adds to the agent protocol. */
export const REQUEST_OPTIONS: Readonly<Record<string, readonly [type: string, about: string]>> = {
  idempotency_key: [
    `string of 1 to ${MAX_KEY} characters`,
    `The request is carried out once. A repetition with the same key gets the same answer with its own \`request_id\`, over another connection too, and while the first one is still running. Everything but \`request_id\`, \`deadline\`, \`accepted\` and \`progress\` must be the same, otherwise \`KEY_REUSED\`. Answers are remembered for ${KEPT_FOR} ms, as long as there are no more than [limits.idempotency_keys](#limits-of-a-peer) and their answers no more than ${KEPT_BYTES} bytes; a restart of the server forgets them. Not remembered: queries, which are repeated, and the errors \`FORBIDDEN\`, \`AGENT_LIMIT\` and \`TREE_NOT_STARTED\`, after which nothing was done. The idempotency keys of different CURVE keys are separate; all peers without a CURVE key share one set, so use a uuid.`,
  ],
  deadline: [
    'integer',
    'The ms that the request may take from its arrival at the server; not a time of day. When they pass before the request is begun, nothing is done; when they pass later, it continues. Both are answered with `DEADLINE`, and `details.outcome` distinguishes them. With an idempotency key, a repetition gets the answer later.',
  ],
  accepted: [
    'bool',
    'True: an [accepted](#accepted) comes before an answer that does not come at once. Before an immediate answer there is none, so never wait for it.',
  ],
  progress: [
    'bool',
    'Only for a `tree_request`. True: a [tree_progress](#tree_progress) comes before the answer for each state and sub-state that the agent enters.',
  ],
};

/** The options of a request. */
export function requestOptionTables(): string[] {
  const types = Object.keys(MESSAGES) as MessageType[];
  const takers = types.filter((type) => 'idempotency_key' in MESSAGES[type].fields);
  return [
    `Further fields that may be added to ${takers.map(code).join(', ')}:`,
    table(
      ['key', 'type', 'meaning'],
      Object.entries(REQUEST_OPTIONS).map(([name, [type, about]]) => [code(name), type, about]),
    ),
    '**A REQ socket must not ask for `accepted` or `progress`.** It takes the first message for the answer; the real answer is then lost, or taken for that of its next request. Use a DEALER socket, and distinguish messages by `request_id` and `type`.',
  ];
}
