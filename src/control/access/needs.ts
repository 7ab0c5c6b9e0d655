import type { OperationName } from '../../protocol/operations.js';
import type { ControlCommandType, Message, MessageType } from '../../protocol/protocol.js';
import type { Role } from './roles.js';

/**
 * What a request takes. `of` says where the role is needed: for the agent, the supervisor, or the whole tree. `listing` is for any
 * peer that may observe something: it is shown that much. `open` is for every peer that has proved its key. `each` is for a
 * request that is many: each of them is asked for on its own.
 */
export type Need =
  | { readonly role: Role; readonly of: 'agent' | 'tree' }
  | { readonly role: Role; readonly of: 'supervisor'; readonly named: SupervisorName }
  | { readonly role: 'observe'; readonly of: 'listing' }
  | { readonly role: null; readonly of: 'open' | 'each' };

/** The parameter that names the supervisor; `server` for what goes to the supervisor that the server adds to. */
export type SupervisorName = 'path' | 'parent' | 'server';

const OPEN: Need = { role: null, of: 'open' };
const EACH: Need = { role: null, of: 'each' };
const LISTING: Need = { role: 'observe', of: 'listing' };
const TREE: Need = { role: 'observe', of: 'tree' };

const agent = (role: Role): Need => ({ role, of: 'agent' });
const supervisor = (role: Role, named: SupervisorName = 'path'): Need => ({ role, of: 'supervisor', named });

/** What each operation of a `tree_request` takes. */
export const OPERATION_NEEDS: { readonly [N in OperationName]: Need } = {
  ps: LISTING,
  tree: LISTING,
  status: agent('observe'),
  spawn: supervisor('spawn', 'parent'),
  start: agent('lifecycle'),
  stop: agent('lifecycle'),
  kill: agent('lifecycle'),
  restart: agent('lifecycle'),
  pause: agent('lifecycle'),
  resume: agent('lifecycle'),
  signal: agent('lifecycle'),
  send: agent('input'),
  logs: agent('observe'),
  health: OPEN,
  snapshot: LISTING,
  // What is published is not parted by subtree.
  streams: TREE,
  terminate_child: supervisor('lifecycle'),
  restart_child: supervisor('lifecycle'),
  delete_child: supervisor('configure'),
  add_child: supervisor('spawn'),
  which_children: supervisor('observe'),
  count_children: supervisor('observe'),
};

/** What each command of a `control_command` takes, for its agent. */
export const COMMAND_NEEDS: { readonly [C in ControlCommandType]: Need } = {
  pause: agent('lifecycle'),
  resume: agent('lifecycle'),
  stop: agent('lifecycle'),
  kill: agent('lifecycle'),
  write_stdin: agent('input'),
  read_stdout: agent('observe'),
  read_stderr: agent('observe'),
  get_status: agent('observe'),
  signal: agent('lifecycle'),
  custom_action: agent('input'),
  query_output: agent('observe'),
  stream_logs: TREE,
};

/** What each message takes; `null` for one that is no request. */
export const MESSAGE_NEEDS: { readonly [T in MessageType]: Need | null | ((message: Message<T>) => Need) } = {
  spawn_request: supervisor('spawn', 'server'),
  control_command: (message) => COMMAND_NEEDS[message.command_type],
  list_agents_request: LISTING,
  health_check_request: OPEN,
  custom_action_request: agent('input'),
  batch_control_command: EACH,
  output_query_request: agent('observe'),
  // An operation that is not known is told so.
  tree_request: ({ operation }) =>
    Object.hasOwn(OPERATION_NEEDS, operation) ? OPERATION_NEEDS[operation as OperationName] : OPEN,
  spawn_response: null,
  command_response: null,
  status_update: null,
  list_agents_response: null,
  health_check_response: null,
  batch_control_response: null,
  output_query_response: null,
  log_stream: null,
  tree_response: null,
  tree_progress: null,
  error_response: null,
  accepted: null,
};
