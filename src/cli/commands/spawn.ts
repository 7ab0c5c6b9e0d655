import { type Command, Option } from 'commander';
import { SupertreeError } from '../../errors.js';
import type { AgentData } from '../../model/input.js';
import type { RestartType } from '../../model/spec.js';
import { absolute, newId, nonEmpty, portName, variable } from '../arguments.js';
import { checkStaysUp } from '../early-end.js';
import { EXIT } from '../exit.js';
import { summary } from '../format.js';
import type { Host } from '../host.js';
import { InFlight } from '../in-flight.js';
import type { AddCommands } from '../invocation.js';
import { addProcessOptions, type ProcessFlags, processFields } from '../process-options.js';
import { progressTo } from '../progress.js';
import { printJson, printLines, withClient } from '../session.js';

const EXAMPLES = `
Examples:
  $ supertree spawn ticker -- sh -c 'while sleep 1; do date; done'
  $ supertree spawn web --port http -- node server.mjs --listen {port}
  $ supertree spawn bot --env API_KEY --env-file bot.env -- ./bot
  $ supertree spawn review --restart temporary --stdin closed -- opencode run 'Review the last commit'
  $ supertree spawn job --restart temporary --env LEVEL=debug --cwd /srv/job --json -- ./run
`;

interface Options extends ProcessFlags {
  restart?: RestartType;
  port?: string[];
  env?: Record<string, string>;
  envFile?: string;
  cwd?: string;
  parent?: string;
  wait: boolean;
  json?: boolean;
}

/** `spawn`: adds an agent to the running tree. */
export const addSpawning: AddCommands = (program, { host, argv, finish }) => {
  const command = program
    .command('spawn')
    .usage('<name> [options] -- <command> [arg...]')
    .description('Add an agent to the tree and start it; returns when it is ready and has not ended at once.')
    .argument('<name>', 'its id, unique among its siblings', newId)
    .argument('<command...>', 'program and arguments, behind --; no shell is involved')
    .addOption(restartOption())
    .option(
      '--port <NAME>',
      'lease a port; PORT_<NAME> and {port:NAME} carry it, PORT and {port} the first. Repeatable',
      portName,
    )
    .option(
      '--env <NAME[=VALUE]>',
      'add to its environment; a NAME alone takes its value from here, unseen by others. Repeatable; of one name the last value counts',
      variable(host.env),
    )
    .option(
      '--env-file <FILE>',
      'add the variables of a dotenv file to its environment; a NAME alone takes its value from here; --env overrides',
      absolute(host),
    )
    .option('--cwd <DIR>', 'its working directory. If not given, the current one', absolute(host));
  addProcessOptions(command)
    .option(
      '--parent <SUPERVISOR>',
      'the supervisor above it: its path, or an id that is unique. If not given, the root',
      nonEmpty,
    )
    .option('--no-wait', 'return when the command is accepted')
    .option('--json', 'print its row as one JSON document')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, words: string[], options: Options, command: Command) => {
      requireSeparator(argv, words);
      finish(await spawn(host, await specOf(name, words, options, host), options, command));
    });
};

function restartOption(): Option {
  return new Option('--restart <TYPE>', 'which ends restart it. If not given, permanent').choices([
    'permanent',
    'transient',
    'temporary',
  ]);
}

/**
 * Requires that the words after `--` are the command. Otherwise `spawn -- node x.js` would make an agent named node that runs x.js, and without
 * `--` the options of the command would be taken for options of `spawn`.
 */
function requireSeparator(argv: readonly string[], words: readonly string[]): void {
  const separator = argv.indexOf('--');
  const behind = argv.length - separator - 1;
  if (separator >= 0 && behind === words.length) return;
  throw new SupertreeError('USAGE', {
    problem: separatorProblem(separator, words, words.length - behind),
    command: 'spawn',
  });
}

function separatorProblem(separator: number, words: readonly string[], extra: number): string {
  if (separator < 0) return `Missing -- in front of the command '${words.join(' ')}'`;
  if (extra < 0) return 'Missing <name> in front of --';
  return `Only <name> stands in front of --, not also '${words.slice(0, extra).join(' ')}'`;
}

async function specOf(id: string, command: readonly string[], options: Options, host: Host): Promise<AgentData> {
  const env = { ...(await variablesOf(options, host)), ...options.env };
  return {
    id,
    command,
    cwd: options.cwd ?? host.cwd,
    ...(options.restart && { restart: options.restart }),
    ...processFields(options),
    ...(options.port && { ports: options.port }),
    ...(Object.keys(env).length > 0 && { env }),
  };
}

/** The variables of the file. dotenv is loaded only if there is a file. */
async function variablesOf({ envFile }: Options, host: Host): Promise<Record<string, string>> {
  if (envFile === undefined) return {};
  const { readEnvFile } = await import('../env-file.js');
  return readEnvFile(envFile, host.env);
}

async function spawn(host: Host, spec: AgentData, options: Options, command: Command): Promise<number> {
  const { parent, wait } = options;
  const params = { spec, wait, ...(parent !== undefined && { parent }) };
  const inFlight = new InFlight();
  const note = () => inFlight.note('spawn');
  const row = await withClient(host, command, note, async (client, signal) => {
    const spawned = await inFlight.track((onAccepted) =>
      client.request('spawn', params, { signal, onAccepted, onProgress: progressTo(host.err) }),
    );
    return wait ? checkStaysUp(client, spawned, signal) : spawned;
  });
  if (options.json) printJson(host.out, row);
  else printLines(host.out, [`${summary(row)}, uuid ${row.uuid}`]);
  return EXIT.done;
}
