import { planSpawn } from '../src/server/backend.js';
import { numberOf } from './declarations.js';
import { code, table } from './markdown.js';

const NOTHING = {
  name: '',
  task: 'TASK',
  context: null,
  system_prompt: null,
  environment: {},
  model: null,
  tool_level: null,
  agents: null,
};

const EVERYTHING = { ...NOTHING, model: 'MODEL', system_prompt: 'SYSTEM_PROMPT', agents: { NAME: 'AGENTS' } };

/** The levels of tools, synonyms together. */
export const TOOL_LEVELS: readonly (readonly string[])[] = [
  ['minimal'],
  ['orchestrator', 'full'],
  ['readonly', 'read', 'lispdeveloper', 'lisp'],
  ['researcher', 'research'],
  ['planner', 'plan'],
];

/** The command lines of a `spawn_request`. */
export function backendTables(): string[] {
  const line = (model_backend: string, more: object = EVERYTHING) =>
    code(planSpawn({ ...NOTHING, ...more, model_backend }).command.join(' '));
  return [
    'The command line for the `config` of a `spawn_request`, by its `model_backend`. No shell reads the arguments. A word in capitals is the field of that name; where the field is absent, so is its option.',
    table(
      ['model_backend', 'runs'],
      [
        ['`claude`, `claude-code-cli`', line('claude')],
        [code('opencode'), line('opencode')],
        ['any other one with `cli` in it', `The part before its first \`-\`: \`sleep-cli\` is ${line('sleep-cli')}.`],
        ['anything else', 'Nothing: `BACKEND_UNKNOWN`.'],
      ],
    ),
    '`tool_level` adds `--allowedTools` to `claude`, whatever its case, `-` and `_`; any other level adds nothing:',
    table(
      ['tool_level', 'tools'],
      TOOL_LEVELS.map((levels) => [levels.map(code).join(', '), code(toolsOf(levels[0] ?? ''))]),
    ),
    '`environment` is added to that of the server, and `context` as its variable `AGENT_CONTEXT`. The words in its variable `AGENT_EXTRA_ARGS` become further arguments.',
  ];
}

/** The tools of a level, as they are given to `claude`; empty for a level that is not known. */
export function toolsOf(level: string): string {
  const { command } = planSpawn({ ...NOTHING, model_backend: 'claude', tool_level: level });
  return command[command.indexOf('--allowedTools') + 1 || command.length] ?? '';
}

const PAST = 'control/ended-agents.ts';

/** The time in which an ended agent can be queried, and the operations for that. */
export function endedAgentsText(): string {
  const [time, agents, bytes] = ['time', 'agents', 'bytes'].map((name) => numberOf(PAST, `KEPT.${name}`));
  return `A \`temporary\` agent, as every one of a \`spawn_request\` is, leaves the tree at its end. For ${time} ms its exit and its output can still be queried, by its uuid, path or id, as long as there are at most ${agents} such agents and they take at most ${bytes} bytes: with \`get_status\`, \`read_stdout\`, \`read_stderr\`, \`query_output\`, \`output_query_request\`, \`status\` and \`logs\`. \`list_agents_request\` lists it; \`ps\`, \`tree\` and \`snapshot\` do not. Commands are for agents in the tree: a command by path or id in a \`tree_request\` is answered with \`AGENT_NOT_FOUND\`, because the name may belong to another agent by now. By uuid, \`stop\` and \`kill\` succeed, because it is stopped already; other commands are answered with \`INVALID_STATE\`. In the answers of \`status\` and \`logs\` \`over\` is true.`;
}
