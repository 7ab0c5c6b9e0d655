import { type Command, Option } from 'commander';
import type { AgentData } from '../model/input.js';
import type { EnvironmentInheritance, RlimitInput, StdinMode, TerminalSize } from '../model/process.js';
import type { OutputOrder, StopScope } from '../model/spec.js';
import { escapeTemplate } from '../model/template.js';
import { inheritance, integer, nameOrId, positive, rlimit, terminalSize, variableNames } from './arguments.js';

/** The options of `spawn` about the process of the agent. */
export interface ProcessFlags {
  inherit?: EnvironmentInheritance;
  unset?: string[];
  stdin?: StdinMode;
  pty?: boolean;
  ptySize?: TerminalSize;
  outputOrder?: OutputOrder;
  closeInput?: number;
  stopScope?: StopScope;
  before?: string;
  after?: string;
  user?: string | number;
  group?: string | number;
  umask?: string;
  nice?: number;
  rlimit?: Record<string, RlimitInput>;
  oomScoreAdj?: number;
}

/** Adds the options to the command. */
export function addProcessOptions(command: Command): Command {
  return command
    .option('--before <SCRIPT>', 'a script for sh that must succeed before each start')
    .option('--after <SCRIPT>', 'a script for sh that runs after each end')
    .option(
      '--inherit <NAMES>',
      'the variables of the server that it inherits: all, none, or names with commas between. If not given, all',
      inheritance,
    )
    .option('--unset <NAME>', 'a variable of the server that it does not inherit. Repeatable', variableNames)
    .addOption(
      choice('--stdin <MODE>', 'a pipe for `send`, /dev/null (closed), or a terminal (pty). If not given, pipe', [
        'pipe',
        'closed',
        'pty',
      ]),
    )
    .addOption(new Option('--pty', 'run it on a terminal of its own: the same as --stdin pty').conflicts('stdin'))
    .option('--pty-size <COLUMNSxROWS>', 'the same with that size, such as 120x40. If not given, 80x24', terminalSize)
    .addOption(
      choice(
        '--output-order <ORDER>',
        'a pipe for each of stdout and stderr, or a common one. If not given, separate',
        ['separate', 'merged'],
      ),
    )
    .option(
      '--close-input <MS>',
      'at a stop, close its standard input first, and send the signal so much later',
      positive,
    )
    .addOption(
      choice('--stop-scope <SCOPE>', 'which processes get the stop signal. If not given, tree', ['tree', 'main']),
    )
    .option(
      '--user <NAME>',
      'the user or uid that it runs as, for a server of root. If not given, that of the server',
      nameOrId,
    )
    .option(
      '--group <NAME>',
      'the group or gid that it runs as, for a server of root. If not given, that of its user',
      nameOrId,
    )
    .option('--umask <MODE>', 'its umask(2), such as 027. If not given, that of the server')
    .option('--nice <N>', 'its niceness, -20 to 19. If not given, that of the server', integer)
    .option('--rlimit <NAME=SOFT[:HARD]>', 'a limit of getrlimit(2), such as nofile=1024:4096. Repeatable', rlimit)
    .option(
      '--oom-score-adj <N>',
      '-1000 (never killed for memory) to 1000. If not given, that of the server',
      integer,
    );
}

function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}

/** The fields of the spec that the options give. */
export function processFields(flags: ProcessFlags): Partial<AgentData> {
  const { inherit, unset, outputOrder, closeInput, stopScope, rlimit } = flags;
  const stop = { ...(closeInput && { closeInput }), ...(stopScope && { scope: stopScope }) };
  return {
    ...(inherit && { inherit }),
    ...(unset && { unset }),
    ...inputOf(flags),
    ...(outputOrder && { output: { order: outputOrder } }),
    ...(Object.keys(stop).length > 0 && { stop }),
    ...Object.fromEntries(SAME_NAME.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]])),
    ...(rlimit && { rlimits: rlimit }),
    ...hooksOf(flags),
  };
}

/** The options that have the name of their field. */
const SAME_NAME = ['user', 'group', 'umask', 'nice', 'oomScoreAdj'] as const;

/** A size alone asks for a terminal. The server refuses it beside another standard input. */
function inputOf({ pty, ptySize, stdin }: ProcessFlags): Pick<AgentData, 'stdin' | 'pty'> {
  const mode = stdin ?? (pty || ptySize ? 'pty' : undefined);
  return { ...(mode && { stdin: mode }), ...(ptySize && { pty: ptySize }) };
}

function hooksOf({ before, after }: ProcessFlags): Pick<AgentData, 'hooks'> {
  const script = (text: string) => ['sh', '-c', escapeTemplate(text)];
  const hooks = { ...(before && { beforeStart: script(before) }), ...(after && { afterEnd: script(after) }) };
  return Object.keys(hooks).length > 0 ? { hooks } : {};
}
