import { type Command, Option } from 'commander';
import { asSupertreeError, type SupertreeError } from '../../errors.js';
import type { PauseMode } from '../../model/spec.js';
import type { Client } from '../../transport/client.js';
import type { AgentRow } from '../../transport/operations.js';
import { EXIT, exitCodeOf, lineOf } from '../exit.js';
import { summary } from '../format.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { progressTo } from '../progress.js';
import { printJson, printLines, withClient } from '../session.js';

/** Verb, what it does, and what it waits for. */
const VERBS = {
  start: ['Start agents that are down', 'done when they are ready'],
  stop: ['Stop agents', 'done when the last process of each is verified gone'],
  kill: ['End agents with SIGKILL at once', 'done when the last process of each is verified gone'],
  restart: ['Stop and start agents', 'done when they are ready again'],
  pause: ['Pause agents', 'done when every process of each is seen stopped'],
  resume: ['Let paused agents go on', 'done when they run again'],
} as const;

type Verb = keyof typeof VERBS;

interface Options {
  wait: boolean;
  json?: boolean;
  mode?: PauseMode;
}

/** What became of one of the agents that were named. */
interface Outcome {
  readonly agent: string;
  readonly row: AgentRow | null;
  readonly error: SupertreeError | null;
}

/** `start`, `stop`, `kill`, `restart`, `pause`, `resume`: several agents at once, each on its own. */
export const addLifecycle: AddCommands = (program, { host, finish }) => {
  for (const verb of Object.keys(VERBS) as Verb[]) {
    const [does, until] = VERBS[verb];
    const command = program
      .command(`${verb} <agent...>`)
      .description(`${does}; ${until}. Several are done at the same time.`)
      .option('--no-wait', 'be done when it is accepted')
      .option('--json', 'print one JSON document: [{ agent, row, error }], in the order given')
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
  const note = `Interrupted. The server goes on with ${verb}; see \`supertree ps\`.`;
  const outcomes = await withClient(host, command, note, (client, signal) =>
    Promise.all(agents.map((agent) => carryOutOne(host, client, verb, agent, options, signal))),
  );
  if (options.json) printJson(host.out, outcomes.map(toJson));
  const codes = outcomes.map(({ error }) => (error === null ? EXIT.done : exitCodeOf(error)));
  return Math.max(...codes);
}

/** Never rejects: one agent that refuses does not keep the others from being told about. */
async function carryOutOne(
  host: Host,
  client: Client,
  verb: Verb,
  agent: string,
  options: Options,
  signal: AbortSignal,
): Promise<Outcome> {
  const params = { agent, wait: options.wait, ...(options.mode && { mode: options.mode }) };
  try {
    const row = await client.request(verb, params, { signal, onProgress: progressTo(host.err) });
    if (!options.json) printLines(host.out, [summary(row)]);
    return { agent, row, error: null };
  } catch (thrown) {
    const error = asSupertreeError(thrown);
    if (!signal.aborted) printLines(host.err, [lineOf(error)]);
    return { agent, row: null, error };
  }
}

function toJson({ agent, row, error }: Outcome): object {
  return { agent, row, error: error && { code: error.code, message: error.message, remedy: error.remedy } };
}
