import type { AgentHandle, AgentView } from '../actors/view.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import type { StreamName } from '../model/spec.js';
import { bytesOf, invalid, isMap } from './kinds.js';
import type { ControlCommandType, Draft, Message } from './protocol.js';
import type { Service } from './service.js';
import { STATUS_OF, statusLabel } from './status.js';

type Payload = Readonly<Record<string, unknown>>;

/** What a command does; resolves with the `data` of its answer. */
type Command = (agent: AgentHandle, payload: Payload, service: Service) => Promise<unknown> | unknown;

/** Runs one of the twelve commands. It is answered when it is true, not when it was sent. */
export async function answerControl(
  service: Service,
  request: Message<'control_command'>,
): Promise<Draft<'command_response'>> {
  const agent = service.tree.agent(request.agent_id);
  const before = agent.view();
  const payload = payloadOf(request.payload);
  const answer = { type: 'command_response', request_id: request.request_id, agent_id: request.agent_id } as const;
  try {
    const data = await COMMANDS[request.command_type](agent, payload, service);
    return { ...answer, success: true, status: STATUS_OF[viewAfter(agent, before).state], data: data ?? null };
  } catch (thrown) {
    const { message, code, remedy, details } = asSupertreeError(thrown);
    const status = STATUS_OF[viewAfter(agent, before).state];
    return { ...answer, success: false, status, error: message, code, remedy, details };
  }
}

/** The agent as it is now. One that was removed meanwhile, as a temporary one is at its end, is over: `stopped`. */
export function viewAfter(agent: AgentHandle, before: AgentView): AgentView {
  try {
    return agent.view();
  } catch (thrown) {
    if (asSupertreeError(thrown).code !== 'AGENT_NOT_FOUND') throw thrown;
    return { ...before, state: 'stopped', detail: 'stopped', pid: null, ports: {}, retryIn: null };
  }
}

const COMMANDS: Readonly<Record<ControlCommandType, Command>> = {
  pause: async (agent, payload) => {
    const mode = boolOf(payload, 'force', false) ? 'forced' : 'cooperative';
    await agent.pause(mode);
    return { paused: true, mode };
  },
  resume: async (agent) => {
    await agent.resume();
    return { resumed: true };
  },
  stop: (agent) => agent.stop(),
  kill: (agent) => agent.kill(),
  write_stdin: async (agent, payload) => ({ bytes_written: await agent.write(inputOf(payload)) }),
  read_stdout: (agent, payload, service) => readLine(service, agent, 'stdout', payload),
  read_stderr: (agent, payload, service) => readLine(service, agent, 'stderr', payload),
  get_status: (agent) => {
    const { path, state, detail, incarnation, restarts, health } = agent.view();
    return { status: statusLabel(STATUS_OF[state]), path, state, detail, incarnation, restarts, health };
  },
  signal: async (agent, payload) => {
    const signal = textOf(payload, 'signal');
    await agent.signal(ALIASES.get(signal.toLowerCase()) ?? signal);
    return { signal_sent: signal };
  },
  custom_action: (agent, payload) => customAction(agent, textOf(payload, 'action'), payload.params ?? null),
  query_output: (agent, payload) => queryOutput(agent, payload),
  stream_logs: (agent, _payload, service) => {
    if (service.pubEndpoint === null) {
      const what = 'log streaming, because no pub endpoint is configured on this server';
      throw new SupertreeError('UNSUPPORTED', { agent: agent.path, what });
    }
    const instructions = 'Connect SUB socket to pub_endpoint, subscribe to topic filter';
    return { pub_endpoint: service.pubEndpoint, topic: agent.uuid, enabled: true, instructions };
  },
};

/** Bytes as they are, or text: base64, or what it says when `encoding` is `utf8`. */
function inputOf(payload: Payload): Uint8Array {
  const { data } = payload;
  if (typeof data === 'string') return isText(payload) ? Buffer.from(data, 'utf8') : fromBase64(data);
  const bytes = bytesOf(data);
  if (bytes === null) throw invalid('payload.data', 'must be a string or a list of bytes', data);
  return bytes;
}

/** RFC 4648 section 4, padding included. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function fromBase64(data: string): Buffer {
  if (!BASE64.test(data)) throw invalid('payload.data', 'must be base64 unless encoding is "utf8"', data);
  return Buffer.from(data, 'base64');
}

function readLine(service: Service, agent: AgentHandle, stream: StreamName, payload: Payload): unknown {
  const text = isText(payload);
  const { line, dropped } = service.cursors.read(agent, stream);
  if (line === null) return { data: null, bytes: 0, message: `No data available in ${stream} buffer` };
  const { bytes, seq, partial } = line;
  return { data: encoded(bytes, text), bytes: bytes.length, encoding: text ? 'utf8' : 'base64', seq, partial, dropped };
}

/** The last lines of each stream. It is a query: asking again gives the same lines, and newer ones. */
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

/** The words of the agent protocol that are no names of signals. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['interrupt', 'SIGINT'],
  ['terminate', 'SIGTERM'],
  ['pause', 'SIGSTOP'],
  ['force_pause', 'SIGSTOP'],
  ['continue', 'SIGCONT'],
  ['resume', 'SIGCONT'],
]);

/** The built-in actions. `get_env` tells about the agent; no environment, in spite of its name. */
function customAction(agent: AgentHandle, action: string, params: unknown): unknown {
  const view = agent.view();
  switch (action) {
    case 'echo':
      return { action, result: params };
    case 'ping':
      return { action, result: 'pong', agent_id: agent.uuid };
    case 'get_env': {
      const status = statusLabel(STATUS_OF[view.state]);
      const seconds = Math.floor(view.since / 1000);
      return { action, result: { status, name: view.id, agent_id: agent.uuid, last_status_update_secs: seconds } };
    }
    default:
      throw new SupertreeError('COMMAND_UNKNOWN', { command: action, known: 'echo, ping, get_env' });
  }
}

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
