import { type Command, Option } from 'commander';
import { asSupertreeError } from '../../errors.js';
import type { Client } from '../../transport/client.js';
import type { AgentRow } from '../../transport/operations.js';
import { positive } from '../arguments.js';
import { EXIT, lineOf } from '../exit.js';
import { percent, size } from '../format.js';
import type { Host, Sink } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { renderAgents } from '../render.js';
import { viewOf, withClient } from '../session.js';

type Order = 'cpu' | 'memory' | 'restarts' | 'path';

interface Options {
  sort: Order;
  iterations?: number;
  interval: number;
  json?: boolean;
}

/** `top`: the agents as they are now, again and again. */
export const addTop: AddCommands = (program, { host, finish }) => {
  program
    .command('top')
    .description('Show the agents with their use of the machine, again and again. On a terminal in place; q ends it.')
    .addOption(
      new Option('--sort <BY>', 'what comes first: the most cpu, memory or restarts, or the first path')
        .choices(['cpu', 'memory', 'restarts', 'path'])
        .default('cpu'),
    )
    .option('-n, --iterations <N>', 'how often. If not given, until it is ended', positive)
    .addOption(new Option('--interval <MS>', 'how long between two looks').argParser(positive).default(2_000))
    .option('--json', 'print { at, agents } each time, one JSON document a line')
    .addHelpText('after', '\nExamples:\n  $ supertree top\n  $ supertree top --sort memory -n 1\n')
    .action(async (options: Options, command: Command) => {
      finish(await withClient(host, command, '', (client, signal) => watch(host, client, options, signal)));
    });
};

/** What ends it: q, and Ctrl-C and Ctrl-D, which the terminal does not turn into signals while keys are read. */
const ENOUGH: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004']);

async function watch(host: Host, client: Client, options: Options, interrupted: AbortSignal): Promise<number> {
  const screen = openScreen(host, !options.json);
  const enough = new AbortController();
  const undo = screen.inPlace ? host.keys?.((key) => ENOUGH.has(key.charAt(0)) && enough.abort()) : undefined;
  const signal = AbortSignal.any([interrupted, enough.signal]);
  try {
    for (let left = options.iterations ?? Number.POSITIVE_INFINITY; left > 0 && !signal.aborted; left--) {
      if (!(await screen.show(await lookOnce(host, client, options, signal, screen.inPlace)))) break;
      if (left > 1) await pause(options.interval, signal);
    }
  } catch (thrown) {
    if (!enough.signal.aborted) throw thrown;
  } finally {
    undo?.();
    screen.close();
  }
  return EXIT.done;
}

/** What is to be seen now. On a terminal a server that is away is waited for. */
async function lookOnce(
  host: Host,
  client: Client,
  { sort, json }: Options,
  signal: AbortSignal,
  patient: boolean,
): Promise<string[]> {
  try {
    const rows = [...(await client.request('ps', { usage: true }, { signal }))].sort(ORDERS[sort]);
    if (json) return [JSON.stringify({ at: host.now(), agents: rows })];
    return [...headOf(rows), '', ...renderAgents(rows, viewOf(host))];
  } catch (thrown) {
    const error = asSupertreeError(thrown);
    if (signal.aborted || !patient || (error.code !== 'NO_SERVER' && error.code !== 'TIMEOUT')) throw thrown;
    return [lineOf(error)];
  }
}

type Compare = (a: AgentRow, b: AgentRow) => number;

const byPath: Compare = (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** The most first; what was not measured comes last, and what is equal in the order of the paths. */
function most(measure: (row: AgentRow) => number): Compare {
  return (a, b) => measure(b) - measure(a) || byPath(a, b);
}

const ORDERS: Readonly<Record<Order, Compare>> = {
  cpu: most(({ usage }) => usage?.cpu ?? -1),
  memory: most(({ usage }) => usage?.memory ?? -1),
  restarts: most(({ restarts }) => restarts),
  path: byPath,
};

function headOf(rows: readonly AgentRow[]): string[] {
  const sum = (measure: (row: AgentRow) => number) => rows.reduce((total, row) => total + measure(row), 0);
  const states = new Map<string, number>();
  for (const { state } of [...rows].sort(byPath)) states.set(state, (states.get(state) ?? 0) + 1);
  const counts = [...states].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count} ${state}`);
  const cpu = percent(sum(({ usage }) => usage?.cpu ?? 0));
  const memory = size(sum(({ usage }) => usage?.memory ?? 0));
  const agents = `${rows.length} ${rows.length === 1 ? 'agent' : 'agents'}`;
  return [`${agents}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}; cpu ${cpu}, memory ${memory}`];
}

interface Screen {
  readonly inPlace: boolean;
  /** Resolves with `false` when nobody looks any more. */
  show(lines: readonly string[]): Promise<boolean>;
  close(): void;
}

/** The alternate screen without a cursor, and the way back (xterm control sequences: DECSET 1049 and 25). */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

/** A terminal is drawn over, so that nothing flickers; anything else gets one table after another. */
function openScreen({ out, env }: Host, drawn: boolean): Screen {
  const inPlace = drawn && out.terminal && env.TERM !== 'dumb';
  if (!inPlace) return { inPlace, show: (lines) => append(out, drawn ? [...lines, ''] : lines), close: () => {} };
  out.write(ENTER);
  return {
    inPlace,
    show: (lines) => {
      const seen = lines.slice(0, out.rows ?? lines.length);
      return write(out, `\x1b[H${seen.map((line) => `${line}\x1b[K`).join('\r\n')}\x1b[J`);
    },
    close: () => out.write(LEAVE),
  };
}

function append(out: Sink, lines: readonly string[]): Promise<boolean> {
  return write(out, lines.map((line) => `${line}\n`).join(''));
}

async function write(out: Sink, text: string): Promise<boolean> {
  out.write(text);
  return (await out.drained?.()) ?? true;
}

/** Ends early, without a word, when it is enough. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
