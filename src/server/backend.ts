import type { SpawnPlan } from '../control/control.js';
import { SupertreeError } from '../errors.js';
import { escapeTemplate } from '../model/template.js';
import type { AgentConfig } from '../protocol/protocol.js';

/** The environment entry whose words become further arguments; the entry itself is not passed to the agent. */
const EXTRA_ARGS = 'AGENT_EXTRA_ARGS';

/** These read their standard input to the end before they work. */
const READ_INPUT_TO_THE_END: ReadonlySet<string> = new Set(['claude', 'claude-code-cli', 'opencode']);

/** Prefix of the environment variables that carry the further arguments. */
const EXTRA_ARG = 'AGENT_EXTRA_ARG_';

/**
 * The command line of an agent configuration. No shell reads the arguments, and placeholders in a configuration are not replaced. A further argument
 * is passed by reference, as `{env:AGENT_EXTRA_ARG_1}`: it came as environment, so no list and no error shows its value. Throws BACKEND_UNKNOWN.
 */
export function planSpawn(config: AgentConfig): SpawnPlan {
  const { [EXTRA_ARGS]: extra = '', ...env } = config.environment;
  const words = extra.split(/\s+/).filter((word) => word !== '');
  const named = words.map((word, index) => [`${EXTRA_ARG}${index + 1}`, word] as const);
  const variables = {
    ...env,
    ...Object.fromEntries(named),
    ...(config.context !== null && { AGENT_CONTEXT: config.context }),
  };
  return {
    command: [...commandOf(config).map(escapeTemplate), ...named.map(([name]) => `{env:${name}}`)],
    env: Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, escapeTemplate(value)])),
    stdin: READ_INPUT_TO_THE_END.has(config.model_backend) ? 'closed' : 'pipe',
  };
}

function commandOf(config: AgentConfig): readonly string[] {
  const { model_backend: backend, task } = config;
  switch (backend) {
    case 'claude':
    case 'claude-code-cli':
      return claude(config);
    case 'opencode':
      return ['opencode', 'run', '--format', 'json', task, ...option('--model', config.model)];
    default:
      return [programOf(backend), task];
  }
}

function claude(config: AgentConfig): readonly string[] {
  const agents = config.agents ?? {};
  const definitions = Object.keys(agents).length === 0 ? null : JSON.stringify(agents);
  return [
    'claude',
    '-p',
    config.task,
    '--output-format',
    'stream-json',
    ...option('--model', config.model),
    ...option('--allowedTools', toolsOf(config.tool_level)),
    ...option('--append-system-prompt', config.system_prompt),
    ...option('--agents', definitions),
  ];
}

function option(name: string, value: string | null): readonly string[] {
  return value === null ? [] : [name, value];
}

const MINIMAL = 'Read,Write,Edit,Bash,Glob,Grep';
const READ_ONLY = 'Read,Bash,Glob,Grep';
const WEB = 'WebFetch,WebSearch';

/** The tools of each level; names are compared without case, `-` and `_`. */
const TOOL_LEVELS: ReadonlyMap<string, string> = new Map([
  ['minimal', MINIMAL],
  ['orchestrator', `${MINIMAL},Task,${WEB}`],
  ['full', `${MINIMAL},Task,${WEB}`],
  ['readonly', READ_ONLY],
  ['read', READ_ONLY],
  ['researcher', `${READ_ONLY},${WEB}`],
  ['research', `${READ_ONLY},${WEB}`],
  ['planner', 'Read,Write,Bash,Glob,Grep'],
  ['plan', 'Read,Write,Bash,Glob,Grep'],
  ['lispdeveloper', READ_ONLY],
  ['lisp', READ_ONLY],
]);

/** The tools of a level; `null` for an unknown level, which restricts nothing, as in the agent protocol. */
function toolsOf(level: string | null): string | null {
  return TOOL_LEVELS.get((level ?? '').toLowerCase().replace(/[-_]/g, '')) ?? null;
}

/** `sleep-cli` is `sleep`, `cli` is `cli`. */
function programOf(backend: string): string {
  const program = backend.split('-', 1)[0] ?? '';
  if (!backend.includes('cli') || program === '') throw new SupertreeError('BACKEND_UNKNOWN', { backend });
  return program;
}
