import { Command } from 'commander';
import { SupertreeError } from '../errors.js';
import { count, nonEmpty } from './arguments.js';
import { addAttach } from './commands/attach.js';
import { addChildren } from './commands/children.js';
import { addDoctor } from './commands/doctor.js';
import { addEvents } from './commands/events.js';
import { addKeys } from './commands/keygen.js';
import { addLifecycle } from './commands/lifecycle.js';
import { addLoad } from './commands/load.js';
import { addLooking } from './commands/look.js';
import { addServing } from './commands/serve.js';
import { addSpawning } from './commands/spawn.js';
import { addStreams } from './commands/streams.js';
import { addTop } from './commands/top.js';
import { usageError } from './exit.js';
import type { Host } from './host.js';
import type { Invocation } from './invocation.js';

const CLOSING = `
An option with a value is given once, except --port and --env, which add up.
AGENT is a path (root/web), an id that is unique in the tree (web), or a uuid; a supervisor is named by its path or its id.
--json prints one document on standard output; everything else that is said goes to standard error.

Exit codes:
  0  done
  1  refused or failed: one line with a code, a sentence and a remedy
  2  usage
  3  no server answered

Examples:
  $ supertree serve tree.toml
  $ supertree ps
  $ supertree spawn web --port http -- node server.mjs
  $ supertree restart web worker
  $ supertree logs web -n 20
`;

/** The whole command line as a commander program: parses, never exits, throws USAGE for an invalid command line. */
export function createProgram(invocation: Invocation, version: string): Command {
  const program = new Command('supertree')
    .description('Supervision trees for processes: look at a running tree and steer it.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'explain the command')
    .helpCommand('help [command]', 'explain a command')
    .configureHelp({ showGlobalOptions: true })
    .option(
      '--endpoint <E>',
      'the server. If not given, SUPERTREE_ENDPOINT, else the ipc socket of this user',
      nonEmpty,
    )
    .option(
      '--owner <UID>',
      'the user id of the server at an ipc endpoint. If not given, yours; for root, the user in whose directory the socket lies',
      count,
    )
    .option('--key <FILE>', 'your secret key, for a server with keys. If not given, SUPERTREE_KEY', nonEmpty)
    .option('--server-key <KEY>', "the server's public key, or its file. If not given, SUPERTREE_SERVER_KEY", nonEmpty)
    .addHelpText('after', CLOSING);
  for (const add of [
    addServing,
    addLooking,
    addSpawning,
    addLifecycle,
    addChildren,
    addStreams,
    addAttach,
    addEvents,
    addTop,
    addLoad,
    addKeys,
    addDoctor,
  ])
    add(program, invocation);
  for (const command of [program, ...program.commands]) {
    const name = command === program ? '' : command.name();
    configure(command, name, invocation.host);
    refuseRepetitions(command, name);
  }
  return program;
}

function configure(command: Command, name: string, host: Host): void {
  command.exitOverride((error) => {
    throw usageError(error, name);
  });
  command.configureOutput({
    writeOut: (text) => host.out.write(text),
    writeErr: (text) => host.err.write(text),
    outputError: () => undefined,
    getOutHelpWidth: () => helpWidth(host.out.columns),
    getErrHelpWidth: () => helpWidth(host.err.columns),
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  });
}

/** The options that may be given several times: each adds to those before it. */
const REPEATABLE: ReadonlySet<string> = new Set(['port', 'env', 'unset', 'rlimit']);

/** Throws USAGE for an option with a value that is given twice: one of the values would be ignored without notice. */
function refuseRepetitions(command: Command, name: string): void {
  for (const option of command.options) {
    if (!(option.required || option.optional) || REPEATABLE.has(option.name())) continue;
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) throw new SupertreeError('USAGE', { problem: repeated(option.flags), command: name });
      isGiven = true;
    });
  }
}

function repeated(flags: string): string {
  const several = flags.includes('endpoint') ? '; a tree file can name several endpoints for a server' : '';
  return `Option '${flags}' is given twice${several}`;
}

function helpWidth(columns: number): number {
  return Number.isFinite(columns) ? columns : 100;
}
