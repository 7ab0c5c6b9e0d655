import type { SupervisorView } from '../contract/view.js';
import type { ChildCount, ChildRow } from '../model/fact.js';
import type { TerminalSize } from '../model/process.js';
import { answeredWith, type Operation, type Subject } from './operations/declaration.js';
import * as p from './operations/params.js';
import type { AgentRow, ChildAnswer, LogsPage, ServerHealth, Snapshot, Streams } from './operations/results.js';
import type { ControlCommandType, MessageType } from './protocol.js';

export { type CliVerb, type Operation, ROLES, type Role, roleFor, type Subject } from './operations/declaration.js';
export { readParams } from './operations/params.js';
export type {
  AgentRow,
  ChildAnswer,
  LineView,
  LogsPage,
  LogsQuery,
  Progress,
  ServerHealth,
  Snapshot,
  StreamEvent,
  StreamPosition,
  Streams,
  SupervisorMark,
  UnhealthyAgent,
} from './operations/results.js';

const UNTIL_GONE = 'done when the last process of each is verified gone';

/** The common part of the operations that give an agent a lifecycle command. */
const LIFECYCLE = {
  of: 'agent',
  named: 'agent',
  role: 'lifecycle',
  idempotency: 'automatic',
  waits: true,
  params: p.lifecycle,
  args: ['agent'],
} as const;

/** OTP's administration of one supervisor; `path` is the root if not given. */
const CHILD = { of: 'supervisor', named: 'path', idempotency: 'automatic', waits: true, params: p.child } as const;

/**
 * The operations of a `tree_request`, an addition to the agent protocol. Its wire form is
 * `{ type: 'tree_request', request_id, operation, params, progress? }`, and its answer
 * `{ type: 'tree_response', request_id, success, data, error, code, remedy }`. With `progress: true` any number of
 * `{ type: 'tree_progress', request_id, path, state, detail }` come before the answer (not for REQ sockets). Requests that change something may also carry
 * `idempotency_key` (requests with the same key and content are carried out once), `deadline` (the ms that are left for it) and `accepted` (asks for
 * `{ type: 'accepted', request_id }` before the answer of a request that takes long; not for REQ sockets). Agents are named by path, by an id that is
 * unique in the tree, or by uuid. An unknown parameter is refused; nil counts as absent.
 */
export const OPERATIONS = {
  ps: answeredWith<AgentRow[]>()({
    of: 'listing',
    role: 'observe',
    params: p.exactly({ usage: p.flag }),
    does: 'One row for each agent, in tree order.',
    messages: ['list_agents_request'],
  }),
  tree: answeredWith<SupervisorView>()({
    of: 'listing',
    role: 'observe',
    params: p.exactly({ usage: p.flag }),
    does: 'The tree with its supervisors.',
  }),
  status: answeredWith<AgentRow>()({
    of: 'agent',
    named: 'agent',
    role: 'observe',
    params: p.exactly({ agent: p.agent, usage: p.flag }),
    args: ['agent'],
    does: 'One agent.',
    commands: ['get_status'],
  }),
  spawn: answeredWith<AgentRow>()({
    of: 'supervisor',
    named: 'parent',
    role: 'spawn',
    idempotency: 'automatic',
    waits: true,
    large: true,
    params: p.exactly({ spec: p.agentInput, parent: p.path, wait: p.flag }),
    args: ['spec'],
    does: 'Adds an agent below `parent`, or below the root, and starts it.',
    messages: ['spawn_request'],
  }),
  start: answeredWith<AgentRow>()({
    ...LIFECYCLE,
    does: 'Starts an agent that is down.',
    cli: { does: 'Start agents that are down', until: 'done when they are ready' },
  }),
  stop: answeredWith<AgentRow>()({
    ...LIFECYCLE,
    does: 'Stops an agent; it stays down.',
    commands: ['stop'],
    cli: { does: 'Stop agents', until: UNTIL_GONE },
  }),
  kill: answeredWith<AgentRow>()({
    ...LIFECYCLE,
    does: 'Ends an agent with SIGKILL; it stays down.',
    commands: ['kill'],
    cli: { does: 'End agents with SIGKILL at once', until: UNTIL_GONE },
  }),
  restart: answeredWith<AgentRow>()({
    ...LIFECYCLE,
    does: 'Stops and starts an agent. It is not charged to the budget, and clears it.',
    cli: { does: 'Stop and start agents', until: 'done when they are ready again' },
  }),
  pause: answeredWith<AgentRow>()({
    ...LIFECYCLE,
    params: p.exactly({ agent: p.agent, wait: p.flag, mode: p.mode }),
    does: 'Pauses an agent, by default in the mode of its spec.',
    commands: ['pause'],
    cli: { does: 'Pause agents', until: 'done when every process of each is seen stopped' },
  }),
  resume: answeredWith<AgentRow>()({
    ...LIFECYCLE,
    does: 'Resumes a paused agent.',
    commands: ['resume'],
    cli: { does: 'Resume paused agents', until: 'done when they run again' },
  }),
  signal: answeredWith<AgentRow>()({
    of: 'agent',
    named: 'agent',
    role: 'lifecycle',
    idempotency: 'optional',
    params: p.exactly({ agent: p.agent, signal: p.signal }),
    args: ['agent', 'signal'],
    does: 'Sends a signal to the process group of an agent. SIGSTOP and SIGCONT are a pause and a resume.',
    commands: ['signal'],
  }),
  send: answeredWith<{ bytes: number }>()({
    of: 'agent',
    named: 'agent',
    role: 'input',
    // A program whose standard input is closed usually ends, and its supervisor may then end its siblings: that amounts to a stop.
    roleWith: { end: 'lifecycle' },
    idempotency: 'optional',
    waits: true,
    large: true,
    params: p.exactly({ agent: p.agent, data: p.data, end: p.flag }),
    args: ['agent', 'data'],
    does: 'Writes to the standard input of an agent; `end` closes it afterwards.',
    commands: ['write_stdin'],
  }),
  resize: answeredWith<TerminalSize>()({
    of: 'agent',
    named: 'agent',
    role: 'input',
    idempotency: 'optional',
    params: p.exactly({ agent: p.agent, columns: p.terminalLength, rows: p.terminalLength }),
    args: ['agent', 'columns', 'rows'],
    does: 'Changes the size of the terminal of an agent, or with the same size makes its program draw anew.',
  }),
  logs: answeredWith<LogsPage>()({
    of: 'agent',
    named: 'agent',
    role: 'observe',
    params: p.exactly({ agent: p.agent, stream: p.stream, from: p.sequence, last: p.sequence, limit: p.sequence }),
    args: ['agent'],
    does: 'Lines of the output of an agent.',
    commands: ['query_output'],
    messages: ['output_query_request'],
  }),
  health: answeredWith<ServerHealth>()({
    of: 'server',
    role: null,
    params: p.exactly({}),
    does: 'The health and the figures of the server.',
    messages: ['health_check_request'],
  }),
  snapshot: answeredWith<Snapshot>()({
    of: 'listing',
    role: 'observe',
    params: p.exactly({}),
    does: 'The whole state after the event `seq`, from which a subscriber that missed events can continue.',
  }),
  // Published data is not divided by subtree.
  streams: answeredWith<Streams>()({
    of: 'tree',
    role: 'observe',
    params: p.exactly({}),
    does: 'The endpoints at which output, states and events are published, as the caller can reach them.',
    commands: ['stream_logs'],
  }),
  terminate_child: answeredWith<ChildAnswer>()({
    ...CHILD,
    role: 'lifecycle',
    does: 'OTP: stops a child, which stays known.',
  }),
  restart_child: answeredWith<ChildAnswer>()({
    ...CHILD,
    role: 'lifecycle',
    does: 'OTP: starts a child that is known and down.',
  }),
  delete_child: answeredWith<ChildAnswer>()({
    ...CHILD,
    role: 'configure',
    does: 'OTP: removes a child that is down.',
  }),
  add_child: answeredWith<ChildAnswer>()({
    ...CHILD,
    role: 'spawn',
    large: true,
    params: p.exactly({ path: p.path, spec: p.anything }),
    does: 'OTP: adds a child and starts it. Without `spec`, one more instance of a pool.',
  }),
  which_children: answeredWith<ChildRow[]>()({
    of: 'supervisor',
    named: 'path',
    role: 'observe',
    params: p.exactly({ path: p.path }),
    does: 'OTP: the children, newest first.',
  }),
  count_children: answeredWith<ChildCount>()({
    of: 'supervisor',
    named: 'path',
    role: 'observe',
    params: p.exactly({ path: p.path }),
    does: 'OTP: the number of children of each kind.',
  }),
};

/** Operations that only the agent protocol has: they cannot be called by a `tree_request`. */
const PROTOCOL_OPERATIONS = {
  action: answeredWith<unknown>()({
    of: 'agent',
    named: 'agent',
    role: 'input',
    idempotency: 'optional',
    large: true,
    params: p.exactly({ agent: p.agent }),
    does: 'Runs an action of the embedding program for an agent.',
    commands: ['custom_action'],
    messages: ['custom_action_request'],
  }),
  // It moves the cursor that all readers share, so a repetition has another answer.
  read_line: answeredWith<unknown>()({
    of: 'agent',
    named: 'agent',
    role: 'observe',
    idempotency: 'optional',
    params: p.exactly({ agent: p.agent }),
    does: 'The next line of the output of an agent.',
    commands: ['read_stdout', 'read_stderr'],
  }),
  batch: answeredWith<unknown>()({
    of: 'batch',
    role: null,
    idempotency: 'optional',
    large: true,
    params: p.exactly({}),
    does: 'One command for many agents.',
    messages: ['batch_control_command'],
  }),
};

export type OperationName = keyof typeof OPERATIONS;
export type ParamsOf<N extends OperationName> = (typeof OPERATIONS)[N] extends Operation<Subject, infer P> ? P : never;
export type ResultOf<N extends OperationName> =
  (typeof OPERATIONS)[N] extends Operation<Subject, unknown, infer R> ? R : never;

/** Parameters and result of every operation, by name. */
export type Operations = { readonly [N in OperationName]: { params: ParamsOf<N>; result: ResultOf<N> } };

const ALL: readonly Operation[] = [...Object.values(OPERATIONS), ...Object.values(PROTOCOL_OPERATIONS)];

/** The operation of each command of a `control_command`. */
export const COMMAND_OPERATIONS = new Map<ControlCommandType, Operation>(
  ALL.flatMap((operation) => operation.commands.map((command) => [command, operation] as const)),
);

/** The operation of each request of the agent protocol, except `control_command` and `tree_request`, which name theirs. */
export const MESSAGE_OPERATIONS = new Map<MessageType, Operation>(
  ALL.flatMap((operation) => operation.messages.map((message) => [message, operation] as const)),
);
