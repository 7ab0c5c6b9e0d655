import { type Command, Option } from 'commander';
import type { AgentData } from '../model/input.js';
import type { EnvironmentInheritance, StdinMode } from '../model/process.js';
import type { OutputOrder, StopScope } from '../model/spec.js';
import { inheritance, positive, variableNames } from './arguments.js';

/** The options of `spawn` about the process of the agent. */
export interface ProcessFlags {
  inherit?: EnvironmentInheritance;
  unset?: string[];
  stdin?: StdinMode;
  outputOrder?: OutputOrder;
  closeInput?: number;
  stopScope?: StopScope;
}

/** Adds the options to the command. */
export function addProcessOptions(command: Command): Command {
  return command
    .option(
      '--inherit <NAMES>',
      'the variables of the server that it inherits: all, none, or names with commas between. If not given, all',
      inheritance,
    )
    .option('--unset <NAME>', 'a variable of the server that it does not inherit. Repeatable', variableNames)
    .addOption(
      choice('--stdin <MODE>', 'a pipe for `send`, or /dev/null (closed). If not given, pipe', ['pipe', 'closed']),
    )
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
    );
}

function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices(choices);
}

/** The fields of the spec that the options give. */
export function processFields(flags: ProcessFlags): Partial<AgentData> {
  const { inherit, unset, stdin, outputOrder, closeInput, stopScope } = flags;
  const stop = { ...(closeInput && { closeInput }), ...(stopScope && { scope: stopScope }) };
  return {
    ...(inherit && { inherit }),
    ...(unset && { unset }),
    ...(stdin && { stdin }),
    ...(outputOrder && { output: { order: outputOrder } }),
    ...(Object.keys(stop).length > 0 && { stop }),
  };
}
