import { SupertreeError } from '../src/errors.js';
import type { OperationName } from '../src/transport/operations.js';
import type { Field, Fields } from '../src/transport/wire/kinds.js';
import {
  MAX_MESSAGE_SIZE,
  MESSAGES,
  type MessageType,
  PROTOCOL_VERSION,
  STRUCTS,
} from '../src/transport/wire/protocol.js';
import { MAX_VALUES } from '../src/transport/wire/scan.js';
import { membersOf } from './declarations.js';
import { code, table } from './markdown.js';

/** Every message and every structure within one, from the table that reads and writes them. */
export function messageTables(): string[] {
  return [
    `Agent protocol ${PROTOCOL_VERSION}, MessagePack, at most ${MAX_MESSAGE_SIZE} bytes a message and ${MAX_VALUES} values a request. A message is a map with its name in \`type\`; the array form of the protocol, which begins with the number, is read as well. Structures are maps, and arrays in the order of their fields are read. A key that is not named here is ignored. A message with no number, and a field that is called ours, are additions to the protocol and have only the map form.`,
    ...(Object.keys(MESSAGES) as MessageType[]).flatMap(messageSection),
    ...STRUCTS.flatMap(({ name, fields }) => [`#### ${name}`, fieldTable(fields)]),
  ];
}

function messageSection(type: MessageType): string[] {
  const { index, fields } = MESSAGES[type];
  const number = index === null ? 'Ours, without a number.' : `Number ${index}.`;
  return [`#### ${type}`, number, fieldTable(fields)];
}

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

/** The rule of a field, as it is told to who breaks it with something that no message can hold. */
function ruleOf({ kind }: Field<unknown>): string {
  try {
    kind.read(Symbol('not a value'), 'field');
    return 'anything';
  } catch (thrown) {
    if (thrown instanceof SupertreeError) return String(thrown.details.rule);
    throw thrown;
  }
}

/** What each operation of a `tree_request` does. */
const OPERATIONS: Readonly<Record<OperationName, string>> = {
  ps: 'One row for each agent, in tree order.',
  tree: 'The tree with its supervisors.',
  status: 'One agent.',
  spawn: 'Adds an agent below `parent`, or below the root, and starts it.',
  start: 'Starts an agent that is down.',
  stop: 'Stops an agent; it stays down.',
  kill: 'Ends an agent with SIGKILL; it stays down.',
  restart: 'Stops and starts an agent. It is free and clears its budget.',
  pause: 'Pauses an agent, in the mode of its spec where none is given.',
  resume: 'Lets a paused agent go on.',
  signal: 'Sends a signal to the process group of an agent. SIGSTOP and SIGCONT are a pause and a resume.',
  send: 'Writes to the standard input of an agent; `end` closes it behind that.',
  logs: 'Lines of the output of an agent.',
  health: 'The server itself.',
  snapshot: 'All that the events tell about, as it is after the event `seq`: whoever missed one begins anew from here.',
  streams: 'Where output, states and events are published, as whoever asks can reach it.',
  terminate_child: 'OTP: stops a child, which stays known.',
  restart_child: 'OTP: starts a child that is known and down.',
  delete_child: 'OTP: forgets a child that is down.',
  add_child: 'OTP: adds a child and starts it. Without `spec`, one more instance of a pool.',
  which_children: 'OTP: the children, newest first.',
  count_children: 'OTP: how many there are of which kind.',
};

/** Every operation of a `tree_request`: its parameters and its result, as they are declared. */
export function operationTable(): string {
  const declared = membersOf('transport/operations.ts', 'Operations').map(({ name, type }) => {
    const [, params = '', result = ''] = /^\{ params: (.*); result: (.*?);? \}$/s.exec(type) ?? [];
    return [code(name), OPERATIONS[name as OperationName], code(paramsText(params)), code(result)];
  });
  return table(['operation', 'does', 'parameters', 'result'], declared);
}

/** The lifecycle parameters are declared under a name; here they are told in full. */
function paramsText(params: string): string {
  const lifecycle = membersOf('transport/operations.ts', 'LifecycleParams');
  const told = `{ ${lifecycle.map(({ name, type }) => `${name}: ${type}`).join('; ')} }`;
  const query = membersOf('transport/operations.ts', 'LogsQuery');
  const logs = `{ ${query.map(({ name, type }) => `${name}: ${type}`).join('; ')} }`;
  if (params === 'Record<string, never>') return '{}';
  return params
    .replace(/LifecycleParams(?: & \{ )?/, (found) => (found.endsWith('{ ') ? told.replace(/ \}$/, '; ') : told))
    .replace('LogsQuery', logs);
}

/** A declared result of an operation, or a part of one: its members with their meaning. */
export function resultTable(file: string, name: string): string[] {
  const rows = membersOf(file, name).map(({ name: field, type, about }) => [code(field), code(type), about]);
  return [`#### ${name}`, table(['field', 'type', 'meaning'], rows)];
}
