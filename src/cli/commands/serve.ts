import { type Command, Option } from 'commander';
import { DRIVER_NAMES, type DriverName } from '../../model/driver-name.js';
import { absolute, nonEmpty, positive } from '../arguments.js';
import type { ServeRequest } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { endpointOf } from '../session.js';

const EXAMPLES = `
Examples:
  $ supertree serve
  $ supertree serve tree.toml
  $ supertree serve tree.toml --state ~/.local/state/supertree
  $ supertree serve tree.json --endpoint tcp://127.0.0.1:7001 --pub-endpoint tcp://127.0.0.1:7002 --max-agents 200

SIGINT (Ctrl-C) and SIGTERM stop every agent in reverse order; a second one kills what is left.
`;

interface Options {
  pubEndpoint?: string;
  maxAgents?: number;
  driver?: DriverName;
  state?: string;
  keys?: string;
  audit?: string;
  insecure?: boolean;
}

/** `serve`: the bundled server, in the foreground. */
export const addServing: AddCommands = (program, { host, finish }) => {
  program
    .command('serve')
    .description('Run a tree and answer requests for it, until a signal stops it.')
    .argument('[file]', 'the tree, TOML or JSON. If not given, an empty tree', absolute(host))
    .option('--pub-endpoint <E>', 'the endpoint that reports are published at', nonEmpty)
    .option('--max-agents <N>', 'the most agents that it may have', positive)
    .addOption(
      new Option(
        '--driver <NAME>',
        'the driver that runs the commands. If not given, that of the file, else keeper where it can run',
      ).choices(DRIVER_NAMES),
    )
    .option(
      '--state <DIR>',
      'a directory: agents outlive a server that is killed, and the next one with this directory takes them over',
      absolute(host),
    )
    .option(
      '--keys <FILE>',
      'its secret key and the keys that it knows, TOML or JSON; then tcp takes a key',
      absolute(host),
    )
    .option('--audit <FILE>', 'the audit log. If not given, standard output', absolute(host))
    .option(
      '--insecure',
      'bind tcp endpoints without keys that other machines can reach; as root, also those that every user of this machine can',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: Options, command: Command) => {
      finish(await host.serve(requestOf(file, options, endpointOf(host, command))));
    });
};

function requestOf(file: string | undefined, options: Options, endpoint: string | undefined): ServeRequest {
  const { pubEndpoint, maxAgents, driver, state, keys, audit, insecure } = options;
  return {
    ...(file !== undefined && { file }),
    ...(endpoint !== undefined && { endpoint }),
    ...(pubEndpoint !== undefined && { pubEndpoint }),
    ...(maxAgents !== undefined && { maxAgents }),
    ...(driver !== undefined && { driver }),
    ...(state !== undefined && { state }),
    ...(keys !== undefined && { keys }),
    ...(audit !== undefined && { audit }),
    ...(insecure !== undefined && { insecure }),
  };
}
