import type { ErrorCode, ErrorDetails, SupertreeError } from '../errors.js';

/**
 * The text of an error in an answer of the agent protocol: the sentence of the original server if it has one for this case, because its clients compare
 * sentences; otherwise the sentence of supertree. `code`, `remedy` and `details` are added in both cases.
 */
export function protocolSentence({ code, details, message }: SupertreeError): string {
  return SENTENCES[code]?.(details) ?? message;
}

type Sentence = (details: ErrorDetails) => string | null;

/** The sentences of the original server (agent protocol 1.0.0, section 5). */
const SENTENCES: Readonly<Partial<Record<ErrorCode, Sentence>>> = {
  AGENT_NOT_FOUND: ({ agent }) => `Agent not found: ${agent}`,
  AGENT_ABSENT: ({ agent }) => `Agent not found: ${agent}`,
  AGENT_LIMIT: ({ max }) => `Maximum agent limit reached: ${max}`,
  BACKEND_UNKNOWN: ({ backend }) =>
    `${SPAWN_FAILED}Unsupported model backend for process spawning: ${backend}. Use API mode instead.`,
  START_FAILED: ({ backend, reason }) =>
    backend === undefined ? null : `${SPAWN_FAILED}Failed to spawn process for backend '${backend}': ${reason}`,
  INVALID_STATE: ({ command, status }) => EXECUTION_ERRORS[`${command}`]?.(`${status}`) ?? null,
  SIGNAL_UNKNOWN: ({ signal }) =>
    `Unknown signal type: '${signal}'. Valid signals: interrupt, terminate, kill, stop, continue`,
  MESSAGE_TOO_LARGE: ({ size, max }) => `Message size ${size} exceeds maximum allowed size ${max}`,
};

const SPAWN_FAILED = 'Failed to spawn agent: Agent spawn failed: ';

const EXECUTION_ERRORS: Readonly<Record<string, (status: string) => string | null>> = {
  pause: (status) => {
    if (status === 'undefined') return null;
    if (status === 'paused') return 'Agent execution error: Agent is already paused';
    const terminal = TERMINAL.has(status) ? 'terminal ' : '';
    return `Agent execution error: Cannot pause agent in ${terminal}state: ${status}`;
  },
  resume: (status) =>
    status === 'undefined' ? null : `Agent execution error: Agent is not paused, current status: ${status}`,
};

const TERMINAL: ReadonlySet<string> = new Set(['completed', 'failed', 'terminated']);
