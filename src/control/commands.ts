import type { AgentHandle, AgentView } from '../contract/view.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import type { StreamName } from '../model/spec.js';
import { bytesOf, invalid, isMap } from '../protocol/kinds.js';
import type { ControlCommandType, Draft, Message } from '../protocol/protocol.js';
import { protocolSentence } from '../protocol/sentences.js';
import { STATUS_OF, statusLabel } from '../protocol/status.js';
import { runAction } from './actions.js';
import type { Request } from './request.js';
import { pubEndpointsFor } from './streams/endpoints.js';

type Payload = Readonly<Record<string, unknown>>;

interface Call {
  readonly agent: AgentHandle;
  /** The view of the agent when the call came. */
  readonly before: AgentView;
  readonly payload: Payload;
  readonly request: Request;
}

/** Carries out a command; resolves with the `data` of its answer. */
type Command = (call: Call) => Promise<unknown> | unknown;

/** Gives an agent one of the twelve commands. The answer comes when the agent has carried it out, not when it was sent. */
export async function answerControl(
  request: Request,
  { request_id, agent_id, command_type, payload }: Message<'control_command'>,
  agent: AgentHandle,
): Promise<Draft<'command_response'>> {
  const before = agent.view();
  try {
    const made = COMMANDS[command_type]({ agent, before, payload: payloadOf(payload), request });
    // A synchronous command returns the state of the agent before it.
    const atOnce = !(made instanceof Promise);
    const data = atOnce ? made : await made;
    const { state } = atOnce ? before : agent.view();
    return {
      type: 'command_response',
      request_id,
      agent_id,
      success: true,
      status: STATUS_OF[state],
      data: data ?? null,
    };
  } catch (thrown) {
    const problem = asSupertreeError(thrown);
    const { code, remedy, details } = problem;
    const error = protocolSentence(problem);
    const status = STATUS_OF[agent.view().state];
    return { type: 'command_response', request_id, agent_id, success: false, status, error, code, remedy, details };
  }
}

/** Answers a `custom_action_request`, which is the command `custom_action` as a separate message. */
export function answerAction(
  request: Request,
  { request_id, agent_id, action, params, timeout_secs, ...options }: Message<'custom_action_request'>,
  agent: AgentHandle,
): Promise<Draft<'command_response'>> {
  const payload = { action, params, timeout_secs };
  const command = { request_id, agent_id, command_type: 'custom_action', payload } as const;
  return answerControl(request, { ...options, ...command, type: 'control_command' }, agent);
}

const COMMANDS: Readonly<Record<ControlCommandType, Command>> = {
  pause: async ({ agent, before, payload }) => {
    const mode = boolOf(payload, 'force', false) ? 'forced' : 'cooperative';
    if (before.state !== 'running') throw invalidState('pause', before);
    await agent.pause(mode);
    return { paused: true, mode };
  },
  resume: async ({ agent, before }) => {
    if (!isPausing(before)) throw invalidState('resume', before);
    await agent.resume();
    return { resumed: true };
  },
  stop: ({ agent }) => agent.stop(),
  kill: ({ agent }) => agent.kill(),
  write_stdin: async ({ agent, payload }) => ({ bytes_written: await agent.write(inputOf(payload)) }),
  read_stdout: (call) => readLine(call, 'stdout'),
  read_stderr: (call) => readLine(call, 'stderr'),
  get_status: ({ before }) => {
    const { path, state, detail, incarnation, restarts, health } = before;
    return { status: statusLabel(STATUS_OF[state]), path, state, detail, incarnation, restarts, health };
  },
  signal: async ({ agent, payload }) => {
    const signal = textOf(payload, 'signal');
    await agent.signal(ALIASES.get(signal.toLowerCase()) ?? signal);
    return { signal_sent: signal };
  },
  custom_action: ({ agent, payload, request }) => {
    const action = textOf(payload, 'action');
    const timeoutSecs = (payload.timeout_secs ?? null) === null ? null : countOf(payload, 'timeout_secs', 0);
    const host = { ...request.control, peer: request.tree.peer };
    return runAction(host, { agent, action, params: payload.params ?? null, timeoutSecs });
  },
  query_output: ({ agent, payload }) => queryOutput(agent, payload),
  stream_logs: ({ agent, request: { control, context } }) => {
    const [first, ...others] = pubEndpointsFor(control.pubEndpoints, context.endpoint);
    if (first === undefined) {
      const none = control.pubEndpoints.length === 0;
      const why = none ? 'no pub endpoint is configured on this server' : 'no pub endpoint can be reached from there';
      throw new SupertreeError('UNSUPPORTED', { agent: agent.path, what: `log streaming, because ${why}` });
    }
    const instructions = 'Connect SUB socket to pub_endpoint, subscribe to topic filter';
    return { pub_endpoint: first, pub_endpoints: [first, ...others], topic: agent.uuid, enabled: true, instructions };
  },
};

/** True for an agent that is paused, or is being paused by force. */
function isPausing({ state, detail }: AgentView): boolean {
  return state === 'paused' || detail === 'running.freezing';
}

/**
 * Operations of supertree request a state and succeed if it is reached already; in the agent protocol a second pause, and a resume of an agent that is not
 * paused, are errors.
 */
function invalidState(command: 'pause' | 'resume', { path, state }: AgentView): SupertreeError {
  return new SupertreeError('INVALID_STATE', { command, agent: path, state, status: STATUS_OF[state] });
}

/** The input of a payload: bytes, or text, which is base64 unless `encoding` is `utf8`. */
function inputOf(payload: Payload): Uint8Array {
  const { data } = payload;
  if (typeof data === 'string') return isText(payload) ? Buffer.from(data, 'utf8') : fromBase64(data);
  const bytes = bytesOf(data);
  if (bytes === null)
    throw invalid(
      'payload.data',
      'must be a string or a list of bytes',
      data,
      data === undefined ? 'nothing' : 'something else',
    );
  return bytes;
}

/** RFC 4648 section 4, padding included. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const NOT_BASE64 = 'must be base64 unless encoding is "utf8"';

function fromBase64(data: string): Buffer {
  if (!BASE64.test(data)) throw invalid('payload.data', NOT_BASE64, data, 'other text');
  return Buffer.from(data, 'base64');
}

function readLine({ request: { control }, agent, payload }: Call, stream: StreamName): unknown {
  const text = isText(payload);
  const { line, dropped } = control.cursors.read(agent, stream);
  if (line === null) return { data: null, bytes: 0, message: `No data available in ${stream} buffer` };
  const { bytes, seq, partial } = line;
  return { data: encoded(bytes, text), bytes: bytes.length, encoding: text ? 'utf8' : 'base64', seq, partial, dropped };
}

/** The last lines of each stream. It is a query: a repetition returns the same lines, and newer ones. */
function queryOutput(agent: AgentHandle, payload: Payload): unknown {
  const last = countOf(payload, 'max_lines', 100);
  const page = (stream: StreamName) => {
    const wanted = boolOf(payload, stream, true) && last > 0;
    return wanted ? agent.output({ stream, last }).lines.map((line) => encoded(line.bytes, true)) : [];
  };
  const stdout = page('stdout');
  const stderr = page('stderr');
  return { stdout, stderr, stdout_lines: stdout.length, stderr_lines: stderr.length };
}

/** The words of the agent protocol that are not names of signals. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['interrupt', 'SIGINT'],
  ['terminate', 'SIGTERM'],
  ['pause', 'SIGSTOP'],
  ['force_pause', 'SIGSTOP'],
  ['continue', 'SIGCONT'],
  ['resume', 'SIGCONT'],
]);

function encoded(bytes: Uint8Array, text: boolean): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(text ? 'utf8' : 'base64');
}

function payloadOf(payload: unknown): Payload {
  if (payload === null) return {};
  if (!isMap(payload)) throw invalid('payload', 'must be a map', payload);
  return payload;
}

function isText(payload: Payload): boolean {
  const encoding = payload.encoding ?? 'base64';
  if (encoding !== 'base64' && encoding !== 'utf8') {
    throw invalid('payload.encoding', 'must be base64 or utf8', encoding);
  }
  return encoding === 'utf8';
}

function textOf(payload: Payload, key: string): string {
  const given = payload[key];
  if (typeof given !== 'string') throw invalid(`payload.${key}`, 'must be a string', given);
  return given;
}

function boolOf(payload: Payload, key: string, fallback: boolean): boolean {
  const given = payload[key] ?? fallback;
  if (typeof given !== 'boolean') throw invalid(`payload.${key}`, 'must be true or false', given);
  return given;
}

function countOf(payload: Payload, key: string, fallback: number): number {
  const given = payload[key] ?? fallback;
  if (typeof given !== 'number' || !Number.isInteger(given) || given < 0) {
    throw invalid(`payload.${key}`, 'must be an integer from 0', given);
  }
  return given;
}
