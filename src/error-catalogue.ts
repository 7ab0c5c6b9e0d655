/**
 * Every code of an error with its sentence and its remedy. `{name}` in a sentence is replaced by the
 * detail of that name. Remedies are written for programs as well as people, so they name no command and no flag; cli/remedies.ts adds those.
 */
export const CATALOGUE = {
  SPEC_INVALID: ['The tree is not valid: {problems}', 'Correct the named fields; nothing was started or changed.'],
  AGENT_NOT_FOUND: [
    'There is no agent {agent}.',
    'List the agents, and name one by its path, by its uuid, or by an id that is unique.',
  ],
  AGENT_ABSENT: [
    '{agent} is absent at present: a supervisor above it is restarting, or has stopped.',
    'Try again when that supervisor is running.',
  ],
  AGENT_AMBIGUOUS: ['{agent} names more than one agent: {paths}.', 'Use the path or the uuid of the one you mean.'],
  SUPERVISOR_NOT_FOUND: [
    'There is no supervisor {path}.',
    'Look at the tree, and name a supervisor by its path, or by an id that is unique.',
  ],
  SUPERVISOR_AMBIGUOUS: ['{supervisor} names more than one supervisor: {paths}.', 'Use the path of the one you mean.'],
  NOT_FOUND: ['The supervisor {path} has no child {id}.', 'List its children.'],
  ALREADY_STARTED: ['The child {id} is already running.', 'Choose another id, or use the running child.'],
  ALREADY_PRESENT: ['The child {id} is already known and not running.', 'Restart it, or delete it and add it again.'],
  RUNNING: ['The child {id} is running.', 'Stop it first.'],
  RESTARTING: ['The child {id} is being restarted.', 'Wait for it, or stop it to cancel the restart.'],
  SIMPLE_ONE_FOR_ONE: [
    'The pool {path} does not answer {command} by id.',
    'Add an instance, or stop one; instances are not kept when they end.',
  ],
  POOL_FULL: ['The pool {path} already has its maximum of {max} instances.', 'Stop an instance, or raise `max`.'],
  SUPERVISOR_ENDED: [
    'The supervisor {path} takes no commands: it is {status}.',
    'Start that supervisor again first; a root that has ended needs a new tree.',
  ],
  START_FAILED: ['{agent} did not start: {reason}.', 'Correct its command or its spec and add or start it again.'],
  ENDED_AT_ONCE: [
    '{agent} was started and ended after {after} ms: {reason}; {next}.',
    'Read its output and its exit, then correct its command.',
  ],
  BOOT_FAILED: [
    '{path} did not start, because {child} failed: {reason}.',
    'Correct that child, then create the tree again.',
  ],
  EXHAUSTED: [
    '{agent} is not started: {reason} used up the restarts that its supervisor allows.',
    'Read the exit of {reason}, correct it, then start its supervisor again.',
  ],
  SUPERSEDED: ['The command for {agent} was overtaken by {by}.', 'Repeat the command if you still want it.'],
  ZOMBIE: [
    '{agent} cannot be ended: {blockers}.',
    'End the named processes by hand; the agent recovers when the last one is gone.',
  ],
  INVALID_STATE: ['Cannot {command} {agent} while it is {state}.', 'Wait for another state.'],
  PAUSE_FAILED: ['{agent} could not be paused by force: {problem}.', 'Its state has not changed; try again.'],
  UNSUPPORTED: ['{agent} does not support {what}.', 'Use an agent with a command, or another mode.'],
  STDIN_CLOSED: ['The standard input of {agent} is closed.', 'Restart the agent to open it again.'],
  STDIN_ABSENT: [
    '{agent} has no standard input: its spec says `stdin` closed.',
    'Give it `stdin` pipe in its spec, and add it again.',
  ],
  TERMINAL_ABSENT: [
    '{agent} has no terminal: its spec does not say `stdin` pty.',
    'Give it `stdin` pty in its spec, and add it again.',
  ],
  STDIN_FULL: [
    'The standard input of {agent} has {queued} bytes waiting, the limit is {limit}.',
    'Write again when the agent has read some of them.',
  ],
  STDIN_STALLED: [
    '{agent} has read nothing for {timeout} ms: {taken} of {bytes} bytes are in its pipe, the others are not written.',
    'Write the rest when it reads again; the bytes in the pipe arrive then.',
  ],
  SIGNAL_UNKNOWN: ['There is no signal {signal}.', 'Use one of: {known}.'],
  PORTS_EXHAUSTED: ['No free port for {agent} in {range}.', 'Widen the range, or free a port.'],
  PORT_RANGE: [
    'The port range {range} overlaps the ephemeral range {ephemeral} of the kernel.',
    'Choose another base; a program that embeds a tree may also set `allowEphemeral`.',
  ],
  DIRECTORY_UNUSABLE: [
    'Ports cannot be claimed in {directory}: {problem}.',
    'Remove it, or set XDG_RUNTIME_DIR to a directory that only you can write. Agents without ports need none.',
  ],
  PLATFORM: [
    'Processes are supervised through /proc, which {platform} does not have.',
    'Run the tree on Linux; tasks, logics and the client of a server work everywhere.',
  ],
  KEEPER_UNAVAILABLE: [
    'No keeper can run the processes of the tree: {problem}.',
    "Set the option `driver` to 'local', which runs them as children of the program itself.",
  ],
  PROCESS_LIMIT: [
    'The system allows no more processes and threads: {problem}.',
    'Raise the limit of the user (ulimit -u, LimitNPROC= of systemd) or of the container (pids.max, TasksMax=), or end other programs of the user.',
  ],
  STATE_UNUSABLE: [
    'The state directory {directory} cannot be used: {problem}.',
    'Name another directory, or remedy that; a server that has it is stopped first.',
  ],
  TIMEOUT: ['{what} was not done within {timeout} ms.', 'Query the state; the command itself continues.'],
  CLOCK_STALLED: [
    '{what} waits for a virtual clock that the test does not move: it holds {held} callbacks, the next one due {due}.',
    'Move the clock while you wait, as with `await clock.until(tree.start())`; see docs/testing.md.',
  ],
  TREE_NOT_STARTED: [
    'The tree is {status}.',
    'Call start() first; for a tree that has ended, call createTree() again.',
  ],
  NO_SERVER: ['No supertree server answered at {endpoint}.', 'Start one, or name the endpoint of one that runs.'],
  ENDPOINT_IN_USE: ['{endpoint} is in use by {holder}.', 'Stop that server, or choose another endpoint.'],
  ENDPOINT_INVALID: ['{endpoint} is not an endpoint: {rule}.', 'Use ipc:///path/to/socket or tcp://127.0.0.1:PORT.'],
  ENDPOINT_UNUSABLE: [
    '{endpoint} cannot be used: {problem}.',
    'Check the owner and the mode of the socket and its directory, or choose another endpoint.',
  ],
  ENDPOINT_FOREIGN: [
    '{endpoint} may be the server of another user: {problem}.',
    'Keep the socket in a directory that only you can write, or name the user that runs the server with the option `owner`.',
  ],
  ENDPOINT_EXPOSED: [
    '{endpoint} would be open to {who}.',
    'Give the server keys (docs/security.md), use an ipc socket, or set the option `insecure`.',
  ],
  MESSAGE_INVALID: ['The message is not valid: {problem}.', 'Send a message of the agent protocol 1.0.0.'],
  MESSAGE_TOO_LARGE: ['Message size {size} exceeds maximum allowed size {max}.', 'Send less at a time.'],
  MESSAGE_TYPE: ['{type} is not a request that this server answers.', 'See the list of messages in docs/reference.md.'],
  COMMAND_UNKNOWN: ['There is no command {command}.', 'Use one of: {known}.'],
  AGENT_LIMIT: ['Maximum agent limit reached: {max}.', 'Remove an agent, or raise `maxAgents` of the server.'],
  BACKEND_UNKNOWN: [
    'Unsupported model backend for process spawning: {backend}.',
    'Use claude, opencode, or PROGRAM-cli.',
  ],
  FILE_INVALID: ['{file} cannot be read as a tree: {problem}.', 'Correct the file; nothing was started.'],
  CWD_GONE: ['The present directory cannot be used: {problem}.', 'Change to a directory that exists.'],
  USAGE: ['{problem}.', 'See the help of the command.'],
  EFFECT_MISSING: [
    'The chart of {actor} names the effect {effect}, which was not provided.',
    'Give it to the machine with `machine.provide({ actions })` before an actor is made of it.',
  ],
  INTERNAL: ['supertree failed in a way it should not: {problem}.', 'Please report this with the cause.'],
  UNHEALTHY: [
    'The server {server} says that it is not healthy.',
    'Look at its supervisors and agents, and at its log.',
  ],
  FORBIDDEN: [
    'This takes the role {role} for {subtree}.',
    'Use a key that has it; roles are given in the table `security` of the server.',
  ],
  KEY_INVALID: ['{which} {rule}.', 'Make a new key pair.'],
  KEY_FILE: ['The key file {file} {rule}.', 'Correct it, or make a key pair under a name that is free.'],
  KEY_REFUSED: [
    '{endpoint} refused the connection: {reason}.',
    'Give a key that the server knows, and the public key of the server.',
  ],
  AUDIT_FILE: ['The audit log {file} cannot be written: {problem}.', 'Name another file.'],
  LOG_FILE: [
    'The log on {stream} cannot be written: {problem}.',
    'Make room for it; until then lines are lost, and a later line gives their number.',
  ],
  KEY_UNPROVEN: [
    'The routing id of this connection does not prove its key.',
    'Begin it with the ticket of the key (docs/security.md), a dot, and something unique.',
  ],
  TOO_MANY_REQUESTS: [
    'This peer has {count} {what} under way, the limit `{limit}` is {max}.',
    'Wait for answers before you send more, or raise `{limit}` of the server.',
  ],
  ANSWER_UNSENT: [
    'The request was carried out, but the answer of {size} bytes is not sent: {waiting} bytes wait for this peer to read them, the limit is {max}.',
    'Read answers while you send requests, or ask for less at once.',
  ],
  RATE_LIMITED: [
    'This peer sends more than {rate} requests per second, the limit `{limit}`, and has used up its burst of {burst}.',
    'Send it again in {retryAfter} ms, or raise `{limit}` of the server.',
  ],
  DEADLINE: [
    'The deadline of the {what} has passed: {outcome}.',
    'Query the state, or repeat the request with the same idempotency key.',
  ],
  KEY_REUSED: [
    'The idempotency key {key} was used for another request.',
    'Use a new key for each request; to repeat a request, send the very same one.',
  ],
  ACTION_FAILED: [
    'The action {action} failed: {problem}.',
    'See the documentation of the program that embeds the server.',
  ],
  BATCH_LIMIT: ['The batch names {count} agents, the limit is {max}.', 'Send it in several parts.'],
  BATCH_STOPPED: [
    'This command was not started, because {agent} failed before it and the batch has `failFast`.',
    'This command was not started, because {agent} failed before it and the batch stops at the first failure.',
  ],
  FILTER_SLOW: [
    'The filter {filter} was not done within {timeout} ms.',
    'Use a pattern without nested repetitions, or plain text.',
  ],
  QUEUE_FULL: [
    'Command queue is full ({limit} commands). Cannot queue more commands.',
    'Wait for answers before you send more, or raise `queue` in connect().',
  ],
  SERVER_FOREIGN: [
    'The server at {endpoint} does not know {operation}: it speaks only the agent protocol.',
    'Use `client.protocol`.',
  ],
  REFUSED: [
    'The server refused: {problem}.',
    'The code in its answer is unknown here; read the documentation of that server.',
  ],
  FILTER_LIMIT: [
    'This peer has {count} filters under way, the limit is {max}.',
    'Wait for their answers before you send more; plain text has no limit.',
  ],
  FILTER_QUEUED: [
    'The filter {filter} was not started: other filters took all of its {timeout} ms.',
    'Send it again later, or filter for plain text, which does not queue.',
  ],
  CONNECTION_LIMIT: [
    'There were more than {max} connections, which is the share of the open files that connections may have; those at {endpoint} were closed.',
    'Find who connects there, and use keys; raise the limit of open files if you have so many clients. Clients reconnect by themselves.',
  ],
  SUBSCRIPTION_LIMIT: [
    'More than {max} different topics of 64 bytes were subscribed to at {endpoint}; every subscriber there was disconnected.',
    'Subscribe to the empty topic for everything; subscribers that reconnect are served again.',
  ],
  OPTION_INVALID: ['The option `{option}` {rule}, got {got}.', 'Correct it; nothing was done.'],
  CLIENT_CLOSED: ['This client of {endpoint} was closed.', 'Call connect() again.'],
  SERVER_AMBIGUOUS: [
    '{name} could be meant for any of these servers: {endpoints}.',
    'Send the request through the client of one server: `client.servers` has one for each.',
  ],
  OUTPUT_FAILED: [
    '{stream} cannot be written: {problem}.',
    'Make room there, or redirect it; the command itself was carried out.',
  ],
} as const satisfies Record<string, readonly [sentence: string, remedy: string]>;
