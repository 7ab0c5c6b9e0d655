import { COMMAND_OPERATIONS } from '../src/protocol/operations.js';
import type { ControlCommandType } from '../src/protocol/protocol.js';
import { code, table } from './markdown.js';
import { roleText } from './wire-tables.js';

/** One key of a payload or of the data of an answer. */
export interface Key {
  readonly name: string;
  readonly type: string;
  readonly about: string;
  /** The value when the key is absent. If not given, the key is required. */
  readonly fallback?: string;
}

export interface CommandRow {
  readonly does: string;
  readonly payload: readonly Key[];
  /** The keys of `data` in its answer; `null` for none. A key with a question mark is optional. */
  readonly data: readonly Key[] | null;
}

const ENCODING: Key = {
  name: 'encoding',
  type: '"base64" or "utf8"',
  about: 'The encoding of bytes as text.',
  fallback: '`"base64"`',
};

const NEXT_LINE: Omit<CommandRow, 'does'> = {
  payload: [{ ...ENCODING, about: 'The encoding of the line in the answer; `utf8` has U+FFFD for invalid bytes.' }],
  data: [
    { name: 'data', type: 'string or nil', about: 'The line with its end; nil when there is none.' },
    { name: 'bytes', type: 'integer', about: 'Its length in bytes; 0 when there is none.' },
    { name: 'encoding?', type: '"base64" or "utf8"', about: 'The encoding of `data`.' },
    { name: 'seq?', type: 'integer', about: 'Its number, as in a [LineView](#lineview).' },
    { name: 'partial?', type: 'bool', about: 'True for a piece of a line that was too long.' },
    { name: 'dropped?', type: 'integer', about: 'The number of unread lines before it that are not kept any more.' },
    { name: 'message?', type: 'string', about: 'Only when there is no line.' },
  ],
};

/** The twelve commands: effect, payload and answer of each. */
export const COMMANDS: Readonly<Record<ControlCommandType, CommandRow>> = {
  pause: {
    does: 'Pauses the agent; answered when it is paused.',
    payload: [
      {
        name: 'force',
        type: 'bool',
        about:
          'True: every process of its tree is stopped by SIGSTOP. False: it gets a line on its standard input, `{"type":"pause","action":"pause"}`.',
        fallback: '`false`',
      },
    ],
    data: [
      { name: 'paused', type: 'bool', about: 'True.' },
      { name: 'mode', type: '"forced" or "cooperative"', about: '' },
    ],
  },
  resume: {
    does: 'Resumes a paused agent, by force or cooperatively as it was paused. No effect on a running agent.',
    payload: [],
    data: [{ name: 'resumed', type: 'bool', about: 'True.' }],
  },
  stop: {
    does: 'Stops the agent by its stop stages; answered when its whole process tree is gone. It stays down. No effect on a stopped agent.',
    payload: [],
    data: null,
  },
  kill: {
    does: 'Ends the agent with SIGKILL; answered when its whole process tree is gone. It stays down.',
    payload: [],
    data: null,
  },
  write_stdin: {
    does: 'Writes to standard input; answered when the system has the bytes.',
    payload: [
      {
        name: 'data',
        type: 'string, bin or list of integers',
        about:
          'A string is base64 (RFC 4648, with padding) unless `encoding` says `utf8`; bin and a list are the bytes.',
      },
      { ...ENCODING, about: 'How to read `data` when it is a string.' },
    ],
    data: [{ name: 'bytes_written', type: 'integer', about: '' }],
  },
  read_stdout: {
    does: 'The next line of standard output. One cursor for each agent and stream, which all clients share: two who read get every other line. Nothing is destroyed; `logs` and `output_query_request` still have it.',
    ...NEXT_LINE,
  },
  read_stderr: { does: 'The same of standard error.', ...NEXT_LINE },
  get_status: {
    does: 'Where the agent is.',
    payload: [],
    data: [
      {
        name: 'status',
        type: 'string',
        about: 'The [status](#states-in-the-words-of-the-agent-protocol) with a capital: `Running`.',
      },
      { name: 'path', type: 'string', about: 'These six as in an [AgentView](#agentview).' },
      { name: 'state', type: 'string', about: '' },
      { name: 'detail', type: 'string', about: '' },
      { name: 'incarnation', type: 'integer', about: '' },
      { name: 'restarts', type: 'integer', about: '' },
      { name: 'health', type: 'string', about: '' },
    ],
  },
  signal: {
    does: 'Sends a signal to the process group. SIGSTOP and SIGCONT are a forced pause and a resume.',
    payload: [
      {
        name: 'signal',
        type: 'string',
        about:
          'The name of a signal with or without SIG, in any case; also `interrupt`, `terminate`, `pause`, `force_pause`, `continue`, `resume`. No number.',
      },
    ],
    data: [{ name: 'signal_sent', type: 'string', about: 'As it was given.' }],
  },
  custom_action: {
    does: 'Runs an [action](#actions-of-a-custom_action).',
    payload: [
      { name: 'action', type: 'string', about: 'Its name.' },
      { name: 'params', type: 'any value', about: 'The parameters of the action.', fallback: 'nil' },
      {
        name: 'timeout_secs',
        type: 'integer from 0',
        about: 'Seconds until it is answered with `TIMEOUT`.',
        fallback: 'as long as it takes',
      },
    ],
    data: [
      { name: 'action', type: 'string', about: 'Its name.' },
      { name: 'result', type: 'any value', about: 'The result of the action, nil for none.' },
      { name: 'agent_id?', type: 'string', about: 'The uuid of the agent; only of `ping`.' },
    ],
  },
  query_output: {
    does: 'Returns the last lines of each stream. A query removes no lines.',
    payload: [
      { name: 'max_lines', type: 'integer from 0', about: 'At most so many of each stream.', fallback: '`100`' },
      { name: 'stdout', type: 'bool', about: 'False excludes standard output.', fallback: '`true`' },
      { name: 'stderr', type: 'bool', about: 'False excludes standard error.', fallback: '`true`' },
    ],
    data: [
      { name: 'stdout', type: 'list of strings', about: 'Oldest first, with line ends, as UTF-8.' },
      { name: 'stderr', type: 'list of strings', about: '' },
      { name: 'stdout_lines', type: 'integer', about: 'The length of `stdout`.' },
      { name: 'stderr_lines', type: 'integer', about: 'The length of `stderr`.' },
    ],
  },
  stream_logs: {
    does: 'Returns the endpoints and the topic of the [published messages](#published-messages) about the agent; `UNSUPPORTED` when the server publishes nothing.',
    payload: [],
    data: [
      { name: 'pub_endpoint', type: 'string', about: 'The likeliest endpoint.' },
      {
        name: 'pub_endpoints',
        type: 'list of strings',
        about: 'All pub endpoints that the sender of the request can reach, the likeliest first.',
      },
      { name: 'topic', type: 'string', about: 'The uuid of the agent as text.' },
      { name: 'enabled', type: 'bool', about: 'True.' },
      { name: 'instructions', type: 'string', about: 'The same as text.' },
    ],
  },
};

/** The built-in actions: parameters and result of each. */
export const ACTIONS: Readonly<Record<string, readonly [params: string, result: string]>> = {
  echo: ['any value', 'The same value.'],
  ping: ['nothing', '`"pong"`.'],
  get_env: [
    'nothing',
    'Data about the agent, without its environment: `{ status, name, agent_id, last_status_update_secs }`: its status with a capital, its name, its uuid as text, and the time at which it entered its state, in seconds since 1970.',
  ],
};

/** The commands of a `control_command`, their payloads, and the data of their answers. */
export function controlTables(): string[] {
  const rows = Object.entries(COMMANDS) as [ControlCommandType, CommandRow][];
  return [
    'A payload is a map or nil; a key of it that is nil counts as absent, a key that is not named here is ignored. `data` is nil where no keys are listed below.',
    table(
      ['command', 'does', 'role'],
      rows.map(([name, { does }]) => [code(name), does, roleText(COMMAND_OPERATIONS.get(name))]),
    ),
    '#### Payloads',
    table(
      ['command', 'key', 'type', 'if absent', 'meaning'],
      rows.flatMap(([name, { payload }]) =>
        payload.map((key) => [code(name), code(key.name), key.type, key.fallback ?? 'must be given', key.about]),
      ),
    ),
    '#### Data of their answers',
    'A key with `?` is optional.',
    table(
      ['command', 'key', 'type', 'meaning'],
      rows.flatMap(([name, { data }]) => (data ?? []).map((key) => [code(name), code(key.name), key.type, key.about])),
    ),
    '#### Actions of a custom_action',
    'These every server has. A program that embeds the server adds its own with `actions` of `createServer`; one that it does not have is answered with `COMMAND_UNKNOWN`, one that throws with `ACTION_FAILED`.',
    table(
      ['action', 'params', 'result'],
      Object.entries(ACTIONS).map(([name, [params, result]]) => [code(name), params, result]),
    ),
  ];
}
