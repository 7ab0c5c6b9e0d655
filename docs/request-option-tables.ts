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
    `The request is done once. The same one with the same key gets the same answer with its own \`request_id\`, over another connection too, and while the first one is still running. Everything but \`request_id\`, \`deadline\`, \`accepted\` and \`progress\` must be the same, otherwise \`KEY_REUSED\`. Remembered for ${KEPT_FOR} ms after the answer, as long as there are no more than [limits.idempotency_keys](#limits-of-a-peer) and their answers no more than ${KEPT_BYTES} bytes; a restart of the server forgets them. Not remembered: what changes nothing, which is asked anew, and \`FORBIDDEN\`, \`AGENT_LIMIT\` and \`TREE_NOT_STARTED\`, after which nothing was done. Each CURVE key has its own; who has none shares them with all who have none, so use a uuid.`,
  ],
  deadline: [
    'integer',
    'How many ms are left for the request when it comes to the server; no time of day. When they are over before it is begun, nothing is done; when they are over meanwhile, it goes on. Both are answered with `DEADLINE`, and `details.outcome` says which. With an idempotency key the same request gets the answer later.',
  ],
  accepted: [
    'bool',
    'True: when the answer does not come at once, an [accepted](#accepted) comes before it. When it does, there is none: never wait for it.',
  ],
  progress: [
    'bool',
    'Only of a `tree_request`. True: before the answer comes a [tree_progress](#tree_progress) for each state and sub-state that the agent comes into.',
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
    '**A REQ socket must not ask for `accepted` or `progress`.** It takes the first message that comes for the answer; the answer itself is then lost, or taken for that of its next request. Use a DEALER socket, and tell answers apart by `request_id` and `type`.',
  ];
}
