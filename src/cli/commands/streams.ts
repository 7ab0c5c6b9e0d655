import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.js';
import { SupertreeError } from '../../errors.js';
import type { StreamName } from '../../model/spec.js';
import type { LogsPage, LogsQuery } from '../../protocol/operations.js';
import { count, signalName } from '../arguments.js';
import { EXIT } from '../exit.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { whileLinked } from '../link-watch.js';
import { printJson, printLines, UNCHANGED, withClient } from '../session.js';
import { followQuery, lineToJson, OutputPrinter, printFollowed } from './follow.js';

/** Between attempts while an agent does not read its standard input, in ms: doubling from the first to the last. */
const FULL_DELAY = { first: 20, last: 1_000 };
const SIGNAL_NOTE = 'Interrupted. The signal may have been sent anyway.';

interface SendOptions {
  end?: boolean;
}

interface LogsOptions {
  lines?: number;
  from?: number;
  stream?: StreamName | 'both';
  follow?: boolean;
  raw?: boolean;
  json?: boolean;
}

/** `signal`, `send`, `logs`: the input and the output of agents. */
export const addStreams: AddCommands = (program, invocation) => {
  for (const add of [addSignal, addSend, addLogs]) add(program, invocation);
};

const addSignal: AddCommands = (program, { host, finish }) => {
  program
    .command('signal <agent> <signal>')
    .description(
      'Send a signal to the process group of an agent: its main process and the descendants that did not leave the group. ' +
        'SIGNAL is a name, with or without SIG, or a number. SIGSTOP pauses the agent, SIGCONT resumes a paused one.',
    )
    .addHelpText('after', '\nExamples:\n  $ supertree signal web HUP\n  $ supertree signal root/worker SIGUSR1\n')
    .action(async (agent: string, signal: string, _options: object, command: Command) => {
      const name = signalName(signal);
      await withClient(host, command, SIGNAL_NOTE, (client, interrupted) =>
        client.request('signal', { agent, signal: name }, { signal: interrupted }),
      );
      finish(EXIT.done);
    });
};

const addSend: AddCommands = (program, { host, finish }) => {
  program
    .command('send <agent> [text]')
    .description(
      'Write to the standard input of an agent, with a newline after TEXT. Without TEXT, copy standard input ' +
        'byte for byte, as fast as the agent reads.',
    )
    .option('--end', 'close the standard input of the agent afterwards. If not given, it stays open')
    .addHelpText(
      'after',
      "\nExamples:\n  $ supertree send repl 'print(1 + 1)'\n  $ supertree send loader --end < data.bin\n",
    )
    .action(async (agent: string, text: string | undefined, options: SendOptions, command: Command) => {
      await send(host, agent, text, options, command);
      finish(EXIT.done);
    });
};

const addLogs: AddCommands = (program, { host, finish }) => {
  program
    .command('logs <agent>')
    .description(
      'Print the output of an agent, both streams in the order in which they were read: byte for byte into a file or a pipe. ' +
        'On a terminal its control sequences are spelled out.',
    )
    .option('-n, --lines <N>', 'only the last N lines. If not given, all buffered lines', count)
    .option('--from <SEQ>', 'only lines from this sequence number on', count)
    .addOption(new Option('--stream <NAME>', 'If not given, both').choices(['stdout', 'stderr', 'both']))
    .option('-f, --follow', 'go on with new lines, over restarts of the agent, its supervisors and the server')
    .option(
      '--raw',
      'pass its colours and control sequences on to your terminal: they can do anything that a program there can',
    )
    .option(
      '--json',
      'print { lines, dropped, next }, with -f one document a line; a line that is not UTF-8 has its bytes in base64',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  $ supertree logs web -n 20\n  $ supertree logs web -f\n  $ supertree logs web --stream stderr | grep Error\n',
    )
    .action(async (agent: string, options: LogsOptions, command: Command) => {
      finish(await (options.follow ? follow : printKept)(host, agent, options, command));
    });
};

async function printKept(host: Host, agent: string, options: LogsOptions, command: Command): Promise<number> {
  const query = { agent, ...queryOf(options) };
  const page = await withClient(host, command, UNCHANGED, (client, interrupted) =>
    client.request('logs', query, { signal: interrupted }),
  );
  if (options.json) printJson(host.out, { ...page, lines: page.lines.map(lineToJson) });
  else printOutput(host, page, options.raw ?? false);
  return EXIT.done;
}

/** An interrupt is the usual end of a follower, so it prints nothing. */
function follow(host: Host, agent: string, options: LogsOptions, command: Command): Promise<number> {
  return withClient(host, command, '', async (client) => {
    const { reconnections } = client.statistics;
    const items = client.logs(agent, followQuery(queryOf(options)));
    const code = await whileLinked(host, client, () => printFollowed(host, items, options));
    // The iteration ends when the agent is removed. If a restarted server does not have the agent, this rejects AGENT_NOT_FOUND.
    if (client.statistics.reconnections > reconnections) await client.status(agent);
    return code;
  });
}

function queryOf({ lines: last, from, stream }: LogsOptions): Omit<LogsQuery, 'agent'> {
  return { ...(last !== undefined && { last }), ...(from !== undefined && { from }), ...(stream && { stream }) };
}

async function send(
  host: Host,
  agent: string,
  text: string | undefined,
  { end = false }: SendOptions,
  command: Command,
): Promise<void> {
  const input = new Input(agent);
  await withClient(
    host,
    command,
    () => input.note(),
    async (client, interrupted) => {
      if (text !== undefined) return input.send(client, `${text}\n`, end, interrupted);
      if (host.stdinTerminal) printLines(host.err, [`Reading what you type for ${agent}; Ctrl-D ends it.`]);
      await passOn(host, client, input, end, interrupted);
    },
  );
}

/**
 * Sends standard input piece by piece, one request at a time, so that a slow agent slows the writer and no data piles up here. An empty input is
 * sent too: the answer shows whether the agent exists and reads.
 */
async function passOn(host: Host, client: Client, input: Input, end: boolean, signal: AbortSignal): Promise<void> {
  let pieces = 0;
  for await (const data of host.stdin) {
    signal.throwIfAborted();
    await sendPiece(client, input, data, signal);
    pieces += 1;
  }
  if (end || pieces === 0) await input.send(client, new Uint8Array(), end, signal);
}

/** STDIN_FULL means that no byte of the piece was taken, so a retry neither loses nor doubles a byte. */
async function sendPiece(client: Client, input: Input, data: Uint8Array, signal: AbortSignal): Promise<void> {
  for (let delay = FULL_DELAY.first; ; delay = Math.min(2 * delay, FULL_DELAY.last)) {
    try {
      await input.send(client, data, undefined, signal);
      return;
    } catch (thrown) {
      if (!(thrown instanceof SupertreeError && thrown.code === 'STDIN_FULL')) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, delay));
    signal.throwIfAborted();
  }
}

/** The standard input of an agent, with the number of bytes that arrived there for certain. */
class Input {
  readonly #agent: string;
  #arrived = 0;
  #unsure = 0;

  constructor(agent: string) {
    this.#agent = agent;
  }

  async send(client: Client, data: string | Uint8Array, end: boolean | undefined, signal: AbortSignal): Promise<void> {
    const bytes = Buffer.byteLength(data);
    this.#unsure = bytes;
    try {
      await client.request('send', { agent: this.#agent, data, ...(end !== undefined && { end }) }, { signal });
      this.#arrived += bytes;
    } finally {
      this.#unsure = 0;
    }
  }

  note(): string {
    const more = this.#unsure === 0 ? '' : `, ${this.#unsure} more may have been`;
    return `Interrupted. ${this.#arrived} bytes were handed over${more}.`;
  }
}

function printOutput(host: Host, page: LogsPage, raw: boolean): void {
  const printer = new OutputPrinter(host, raw);
  for (const line of page.lines) printer.print(line);
  printer.end();
  if (page.dropped > 0) printLines(host.err, [`${page.dropped} older lines are no longer kept.`]);
}
