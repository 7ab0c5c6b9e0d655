/**
 * The one error type of supertree and its catalogue: every code with its sentence and its remedy.
 * `{name}` in a sentence is replaced by the detail of that name.
 */
const CATALOGUE = {
  SPEC_INVALID: ['The tree is not valid: {problems}', 'Correct the named fields; nothing was started or changed.'],
  AGENT_NOT_FOUND: ['There is no agent {agent}.', 'List the agents with `supertree ps`.'],
  AGENT_AMBIGUOUS: ['{agent} names more than one agent: {paths}.', 'Use the path or the uuid of the one you mean.'],
  SUPERVISOR_NOT_FOUND: ['There is no supervisor {path}.', 'List the supervisors with `supertree tree`.'],
  NOT_FOUND: ['The supervisor {path} has no child {id}.', 'List its children with which().'],
  ALREADY_STARTED: ['The child {id} is already running.', 'Choose another id, or use the running child.'],
  ALREADY_PRESENT: ['The child {id} is already known and not running.', 'Restart it, or delete it and add it again.'],
  RUNNING: ['The child {id} is running.', 'Terminate it first.'],
  RESTARTING: ['The child {id} is being restarted.', 'Wait for it, or terminate it to cancel the restart.'],
  SIMPLE_ONE_FOR_ONE: [
    'The pool {path} does not answer {command} by id.',
    'Terminate the instance, or add a new one; instances of a pool are not kept when they end.',
  ],
  POOL_FULL: ['The pool {path} already has its maximum of {max} instances.', 'Terminate an instance or raise `max`.'],
  SUPERVISOR_ENDED: ['The supervisor {path} is {status}.', 'Start it again before you give it commands.'],
  START_FAILED: [
    '{agent} did not start: {reason}.',
    'Read its output with `supertree logs {agent}`, then correct its spec.',
  ],
  BOOT_FAILED: [
    '{path} did not start, because {child} failed: {reason}.',
    'Correct that child, then start the tree again.',
  ],
  EXHAUSTED: [
    '{agent} is not started: {reason} used up the restarts that its supervisor allows.',
    'Read the exit of {reason}, correct it, then start it.',
  ],
  SUPERSEDED: ['The command for {agent} was overtaken by {by}.', 'Repeat the command if you still want it.'],
  ZOMBIE: [
    '{agent} cannot be ended: {blockers}.',
    'End the named processes by hand; the agent recovers when the last one is gone.',
  ],
  INVALID_STATE: [
    'Cannot {command} {agent} while it is {state}.',
    'Wait for another state, see `supertree status {agent}`.',
  ],
  UNSUPPORTED: ['{agent} does not support {what}.', 'Use an agent with a command, or another mode.'],
  STDIN_CLOSED: ['The standard input of {agent} is closed.', 'Restart the agent if it should read again.'],
  STDIN_FULL: [
    'The standard input of {agent} has {queued} bytes waiting, the limit is {limit}.',
    'Write again when the agent has read.',
  ],
  SIGNAL_UNKNOWN: ['There is no signal {signal}.', 'Use one of: {known}.'],
  PORTS_EXHAUSTED: ['No free port for {agent} in {range}.', 'Widen the range, or free a port.'],
  PORT_RANGE: [
    'The port range {range} overlaps the ephemeral range {ephemeral} of the kernel.',
    'Choose another base, or set `allowEphemeral`.',
  ],
  PLATFORM: ['Processes are supervised through /proc, which {platform} does not have.', 'Run supertree on Linux.'],
  TIMEOUT: ['{what} was not done within {timeout} ms.', 'Ask for the state; the command itself goes on.'],
  TREE_NOT_STARTED: ['The tree is {status}.', 'Call start() first.'],
  NO_SERVER: [
    'No supertree server answered at {endpoint}.',
    'Start one with `supertree serve`, or name it with --endpoint.',
  ],
  ENDPOINT_IN_USE: [
    '{endpoint} is in use by {holder}.',
    'Stop that server, or choose another endpoint with --endpoint.',
  ],
  ENDPOINT_INVALID: ['{endpoint} is not an endpoint: {rule}.', 'Use ipc:///path/to/socket or tcp://127.0.0.1:PORT.'],
  ENDPOINT_EXPOSED: ['{endpoint} would be reachable from other machines.', 'Bind 127.0.0.1 or an ipc socket.'],
  MESSAGE_INVALID: ['The message is not valid: {problem}.', 'Send a message of the agent protocol 1.0.0.'],
  MESSAGE_TOO_LARGE: ['Message size {size} exceeds maximum allowed size {max}.', 'Send less at a time.'],
  MESSAGE_TYPE: ['{type} is not a request that this server answers.', 'See the list of messages in docs/reference.md.'],
  COMMAND_UNKNOWN: ['There is no command {command}.', 'Use one of: {known}.'],
  AGENT_LIMIT: [
    'Maximum agent limit reached: {max}.',
    'Remove an agent, or start the server with a higher --max-agents.',
  ],
  BACKEND_UNKNOWN: [
    'Unsupported model backend for process spawning: {backend}.',
    'Use claude, opencode, or PROGRAM-cli.',
  ],
  FILE_INVALID: ['{file} cannot be read as a tree: {problem}.', 'Correct the file; nothing was started.'],
  USAGE: ['{problem}.', 'See `supertree {command} --help`.'],
  INTERNAL: ['supertree failed in a way it should not: {problem}.', 'Please report this with the cause.'],
  UNHEALTHY: [
    'The server {server} says that it is not healthy.',
    'Look at its agents with `supertree ps`, and at its log.',
  ],
} as const satisfies Record<string, readonly [sentence: string, remedy: string]>;

/** Every code that a `SupertreeError` can carry. */
export type ErrorCode = keyof typeof CATALOGUE;

/** The details that fill a sentence; they are kept on the error, so a program need not parse the text. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * What supertree throws and rejects with, always. `message` is a whole sentence, `remedy` says what to do, `code` is for programs.
 */
export class SupertreeError extends Error {
  override readonly name = 'SupertreeError';
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown) {
    const [sentence, remedy] = CATALOGUE[code];
    super(fill(sentence, details), cause === undefined ? undefined : { cause });
    this.code = code;
    this.remedy = fill(remedy, details);
    this.details = details;
  }

  /** The same error as one line: code, sentence, remedy. */
  toLine(): string {
    return `${this.code}: ${this.message} ${this.remedy}`;
  }
}

/** The catalogue as rows, for the reference page. */
export function errorCatalogue(): { code: ErrorCode; sentence: string; remedy: string }[] {
  return (Object.keys(CATALOGUE) as ErrorCode[]).map((code) => {
    const [sentence, remedy] = CATALOGUE[code];
    return { code, sentence, remedy };
  });
}

/** Any thrown value as a `SupertreeError`: itself when it is one, else `INTERNAL` with the value as its cause. */
export function asSupertreeError(thrown: unknown): SupertreeError {
  if (thrown instanceof SupertreeError) return thrown;
  return new SupertreeError('INTERNAL', { problem: messageOf(thrown) }, thrown);
}

/** The text of any thrown value. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    return 'a value that has no text';
  }
}

function fill(text: string, details: ErrorDetails): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in details ? String(details[name]) : whole));
}
