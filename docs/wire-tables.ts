import { SupertreeError } from '../src/errors.js';
import type { Field, Fields } from '../src/protocol/kinds.js';
import { OPERATIONS, type Operation } from '../src/protocol/operations.js';
import {
  MAX_BATCH,
  MAX_MESSAGE_SIZE,
  MESSAGES,
  type MessageType,
  PROTOCOL_VERSION,
  STRUCTS,
} from '../src/protocol/protocol.js';
import { aboutOf, membersOf, typeArgumentsOf, wordsOf } from './declarations.js';
import { code, table } from './markdown.js';
import { typeText } from './params-text.js';

/** Every message and every structure within one, from the table that reads and writes them. */
export function messageTables(): string[] {
  return [
    `Agent protocol ${PROTOCOL_VERSION}: each message is one document of MessagePack. It is a map with its name in \`type\`; the array form of the protocol, which begins with the name or the number and goes on with the fields in the order of its table, is read as well. Structures are maps, and arrays in the order of their fields are read. Answers are maps. A key that is not named here is ignored. A message with no number, and a field that is called ours, are additions to the protocol and have only the map form. A \`uuid\` is written as 16 bytes; a \`time\` is \`[seconds since 1970, nanoseconds]\`; an integer may have any width.`,
    'An answer has the `request_id` of its request. One with `success: false` (or `healthy: false`) tells in `error` what is wrong, and in `code`, `remedy` and `details` the [error](#errors); `details` has what fills the sentence, by name. A request that cannot be read has the answer that belongs to it where its type is known, otherwise an `error_response`.',
    ...(Object.keys(MESSAGES) as MessageType[]).flatMap(messageSection),
    ...STRUCTS.flatMap(({ name, fields }) => [`#### ${name}`, fieldTable(fields)]),
  ];
}

function messageSection(type: MessageType): string[] {
  const { index, fields } = MESSAGES[type];
  const number = index === null ? 'Ours, without a number.' : `Number ${index}.`;
  return [`#### ${type}`, `${number} ${MEANINGS[type]}`, fieldTable(fields)];
}

/** The purpose of each message. */
const MEANINGS: Readonly<Record<MessageType, string>> = {
  spawn_request:
    'Adds an agent below the root and starts it; answered when it is ready. For its command line see [Backends](#backends-of-a-spawn_request). Its id is its `name`, changed if it is not valid or not unique among its siblings. It is `temporary`: never restarted, removed at its end, and [remembered](#ended-agents) for some time. If it is not ready within `timeout_secs` (from 1), it is stopped and the answer is an error; afterwards they have no effect. It is stopped after `max_runtime` ms. `metadata` is stored and listed. Its standard input is what `stdin` says; otherwise closed for the backends claude and opencode, which read it to the end, and a pipe for others.',
  spawn_response: 'The answer to a `spawn_request`. `agent_info.id` is the uuid of the agent for further requests.',
  control_command: 'One of the [twelve commands](#commands-of-a-control_command) for one agent.',
  command_response:
    'The answer to a `control_command` and a `custom_action_request`: the [status](#states-in-the-words-of-the-agent-protocol) of the agent after it, and the `data` of the command.',
  status_update: 'A change of the state of an agent. [Published](#status-updates); there is no request for it.',
  list_agents_request:
    'The agents of one status, or all of them, at most `limit`: in tree order, followed by [ended ones](#ended-agents).',
  list_agents_response: 'The answer to a `list_agents_request`.',
  health_check_request: 'Asks for the health of the server.',
  health_check_response:
    'The answer to a `health_check_request`. `metadata` has `server_id`, `endpoint`, `max_agents`, `version` (of supertree) and `features`, the additions to the protocol that this server has, separated by commas.',
  custom_action_request:
    'The command [custom_action](#actions-of-a-custom_action) as a separate message; the answer is a `command_response`.',
  batch_control_command: `One command, with one payload, for at most ${MAX_BATCH} agents. All run at the same time, and a failure does not affect the others. With \`fail_fast\` they run one after another, in the order of the request, and none is begun after the first failure: the results of the others are \`BATCH_STOPPED\`. An unknown id, or an agent for which the key lacks the role, is a failure before the first is begun. An agent that is named twice gets the command once.`,
  batch_control_response:
    'The answer to a `batch_control_command`: the result for each agent, in the order of the request. `success` is true when all succeeded.',
  output_query_request: `The kept lines of output, oldest first. \`filter\` is plain text or a regular expression of JavaScript (flag u) that must match a line; \`(?i)\`, \`(?m)\` or \`(?s)\` may precede it. Constructs that JavaScript does not have are refused with a description of the dialect. \`offset\` and \`limit\` select among the matching lines. A query removes no lines.`,
  output_query_response: `The answer to an \`output_query_request\`: lines without their ends, at most ${MAX_MESSAGE_SIZE / 2} bytes of them. \`total_lines\` is the number of matching lines; \`has_more\` is true when further lines follow.`,
  log_stream: 'One line of output. [Published](#lines-of-output); there is no request for it.',
  tree_request:
    'One of the [operations](#operations-of-a-tree_request) of supertree. With `progress` the state changes of the agent are sent before the answer. See [Options](#options-of-a-request).',
  tree_response: 'The answer to a `tree_request`; `data` is the result of the operation.',
  tree_progress:
    'Comes before the answer to a `tree_request` with `progress`: the agent of the request has entered another state or sub-state.',
  accepted: 'Comes before the answer to a request with `accepted`, unless the answer comes at once.',
  error_response: 'The answer to what is no request, or cannot be read at all; its `request_id` may be empty.',
};

function fieldTable(fields: Fields): string {
  const rows = Object.entries(fields).map(([name, field]) => [
    code(name),
    code(field.kind.name.replace(/\?$/, '')),
    presenceOf(field),
    ruleOf(field),
  ]);
  return table(['field', 'kind', 'if absent', 'rule'], rows);
}

function presenceOf({ required, fallback, addition }: Field<unknown>): string {
  if (required) return 'must be given';
  return `${fallback === null ? 'nothing' : code(JSON.stringify(fallback))}${addition ? '; ours' : ''}`;
}

/** The rule of a field, as the error for an invalid value states it. */
function ruleOf({ kind }: Field<unknown>): string {
  try {
    kind.read(Symbol('not a value'), 'field');
    return 'anything';
  } catch (thrown) {
    if (thrown instanceof SupertreeError) return String(thrown.details.rule);
    throw thrown;
  }
}

/** Every operation of a `tree_request`: its parameters and its result, as they are declared. */
export function operationTable(): string {
  const results = new Map(typeArgumentsOf('protocol/operations.ts', 'OPERATIONS', 'answeredWith'));
  const rows = Object.entries(OPERATIONS).map(([name, operation]) => [
    code(name),
    `${operation.does}${MORE[name] ?? ''}`,
    code(typeText(operation.params)),
    code(resultText(results.get(name) ?? '')),
    roleText(operation),
  ]);
  return table(['operation', 'does', 'parameters', 'result', 'role'], rows);
}

/** Additions to descriptions: values that the description would have to repeat from a type. */
const MORE: Readonly<Record<string, string>> = {
  which_children: ` \`phase\` is one of ${wordsOf('model/fact.ts', 'Phase').join(', ')}.`,
};

/** The role that a key needs, and where. */
export function roleText(operation: Operation | undefined): string {
  const { role = null, of = 'server', roleWith = {} } = operation ?? {};
  if (role === null) return 'any';
  const others = Object.entries(roleWith).map(([parameter, other]) => `; with ${code(parameter)} ${code(other)}`);
  return `${code(role)}${of === 'tree' ? ', whole tree' : ''}${others.join('')}`;
}

/** The rows of OTP have no section, so their members are listed here. */
function resultText(result: string): string {
  return result.replace(/\bChild(?:Row|Count)\b/, (name) => {
    const members = membersOf('model/fact.ts', name).map((each) => `${each.name}: ${each.type}`);
    return `{ ${members.join('; ')} }`;
  });
}

/** A declared result of an operation, or a part of one: its members with their meaning. */
export function resultTable(file: string, name: string): string[] {
  const about = aboutOf(file, name);
  const rows = membersOf(file, name).map(({ name: field, type, about }) => [code(field), code(type), about]);
  return [`#### ${name}`, ...(about === '' ? [] : [about]), table(['field', 'type', 'meaning'], rows)];
}
