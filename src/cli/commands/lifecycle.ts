import { type Command, Option } from 'commander';
import type { Client, RequestOptions } from '../../client/client.js';
import { SupertreeError } from '../../errors.js';
import type { PauseMode } from '../../model/spec.js';
import {
  type AgentRow,
  OPERATIONS,
  type Operation,
  type OperationName,
  type SupervisorMark,
} from '../../protocol/operations.js';
import { exitCodeOfResults, runAndPrint, toJson } from '../command-result.js';
import { checkStaysUp } from '../early-end.js';
import type { Host } from '../host.js';
import { InFlight } from '../in-flight.js';
import type { AddCommands } from '../invocation.js';
import { progressTo } from '../progress.js';
import { printJson, withClient } from '../session.js';
import { findSupervisor, OF_SUPERVISORS, steerSupervisor } from '../supervisors.js';

type Verb = Extract<OperationName, 'start' | 'stop' | 'kill' | 'restart' | 'pause' | 'resume'>;

/** Commands that start a new incarnation, which may end at once. */
const STARTING: ReadonlySet<Verb> = new Set(['start', 'restart']);

const SUBTREE_NOTE = ' A supervisor can be named by its path: the command then applies to its whole subtree.';

interface Options {
  wait: boolean;
  json?: boolean;
  mode?: PauseMode;
}

/** `start`, `stop`, `kill`, `restart`, `pause`, `resume`: several agents concurrently, each with its own result. */
export const addLifecycle: AddCommands = (program, { host, finish }) => {
  for (const [name, { cli }] of Object.entries<Operation>(OPERATIONS)) {
    if (cli === undefined) continue;
    const verb = name as Verb;
    const { does, until } = cli;
    const command = program
      .command(`${verb} <agent...>`)
      .description(
        `${does}; ${until}. Several are done at the same time.${OF_SUPERVISORS.has(verb) ? SUBTREE_NOTE : ''}`,
      )
      .option('--no-wait', 'return when the command is accepted')
      .option(
        '--json',
        'print one JSON document: [{ agent, row, error }], in the order given; the row of a supervisor is { path, status }',
      )
      .addHelpText(
        'after',
        `\nExamples:\n  $ supertree ${verb} web\n  $ supertree ${verb} --no-wait root/web root/worker\n`,
      )
      .action(async (agents: string[], options: Options, self: Command) => {
        finish(await carryOut(host, verb, agents, options, self));
      });
    if (verb === 'pause') command.addOption(modeOption());
  }
};

function modeOption(): Option {
  return new Option('--mode <MODE>', 'stop its processes, or tell it over stdin. If not given, as in its spec').choices(
    ['forced', 'cooperative'],
  );
}

async function carryOut(
  host: Host,
  verb: Verb,
  agents: readonly string[],
  options: Options,
  command: Command,
): Promise<number> {
  const inFlight = new InFlight();
  const note = () => inFlight.note(verb);
  const results = await withClient(host, command, note, (client, signal) => {
    const act = (agent: string) =>
      inFlight.track((onAccepted) =>
        carryOutOne(client, verb, agent, options, { signal, onAccepted, onProgress: progressTo(host.err) }),
      );
    return Promise.all(agents.map((agent) => runAndPrint(host, agent, options.json ?? false, signal, act)));
  });
  if (options.json) printJson(host.out, results.map(toJson));
  return exitCodeOfResults(results);
}

/** Rejects with the server's error. A name without an agent may name a supervisor. */
async function carryOutOne(
  client: Client,
  verb: Verb,
  agent: string,
  { wait, mode }: Options,
  requestOptions: RequestOptions,
): Promise<AgentRow | SupervisorMark> {
  try {
    const row = await client.request(verb, { agent, wait, ...(mode && { mode }) }, requestOptions);
    return wait && STARTING.has(verb) ? await checkStaysUp(client, row, requestOptions.signal) : row;
  } catch (thrown) {
    if (!(thrown instanceof SupertreeError && thrown.code === 'AGENT_NOT_FOUND')) throw thrown;
    // A key without `observe` cannot look for a supervisor: it gets the error of the command.
    const supervisor = await findSupervisor(client, agent).catch(unlessAmbiguous);
    if (supervisor === null) throw thrown;
    return steerSupervisor(client, verb, supervisor, requestOptions);
  }
}

function unlessAmbiguous(thrown: unknown): null {
  if (thrown instanceof SupertreeError && thrown.code === 'SUPERVISOR_AMBIGUOUS') throw thrown;
  return null;
}
