import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.js';
import { asSupertreeError, type SupertreeError } from '../../errors.js';
import type { AgentRow } from '../../protocol/operations.js';
import { interval, positive } from '../arguments.js';
import { EXIT, lineOf } from '../exit.js';
import { isExhausted, percent, size, timeOfDay } from '../format.js';
import type { Host } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { whileLinked } from '../link-watch.js';
import { renderAgents } from '../render.js';
import { canDrawOver, openScreen, type Screen } from '../screen.js';
import { viewOf, withClient } from '../session.js';
import { truncate } from '../width.js';

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
    .addOption(new Option('--interval <MS>', 'how long between two looks').argParser(interval).default(2_000))
    .option('--json', 'print { at, agents } each time, one JSON document a line')
    .addHelpText('after', '\nExamples:\n  $ supertree top\n  $ supertree top --sort memory -n 1\n')
    .action(async (options: Options, command: Command) => {
      finish(await withClient(host, command, '', (client, signal) => top(host, client, options, signal)));
    });
};

/** What ends it: q, and Ctrl-C and Ctrl-D, which the terminal does not turn into signals while keys are read. */
const ENOUGH: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004']);

/** How long a server may take for an answer until its silence is told, in ms. */
const SILENT_AFTER = 2_000;

/** A picture that is drawn over tells by itself when the server is lost, and has no room for anybody else to. */
function top(host: Host, client: Client, options: Options, interrupted: AbortSignal): Promise<number> {
  const work = () => watch(host, client, options, interrupted);
  return canDrawOver(host) && !options.json ? work() : whileLinked(host, client, work);
}

async function watch(host: Host, client: Client, options: Options, interrupted: AbortSignal): Promise<number> {
  const screen = openScreen(host, !options.json);
  const picture = new Picture(host, screen, options.json ?? false);
  const enough = new AbortController();
  const undo = [
    screen.inPlace ? host.keys?.((key) => ENOUGH.has(key.charAt(0)) && enough.abort()) : undefined,
    screen.inPlace ? host.out.onResize?.(() => void picture.draw()) : undefined,
  ];
  const signal = AbortSignal.any([interrupted, enough.signal]);
  try {
    for (let left = options.iterations ?? Number.POSITIVE_INFINITY; left > 0 && !signal.aborted; left--) {
      await lookOnce(client, picture, options.sort, signal);
      if (!(await picture.draw())) break;
      if (left > 1) await pause(options.interval, signal);
    }
  } catch (thrown) {
    if (!enough.signal.aborted) throw thrown;
  } finally {
    for (const each of undo) each?.();
    screen.close();
  }
  return EXIT.done;
}

/** Puts what is to be seen now into the picture. Where it is drawn over, a server that is away is waited for, and what was seen last stays. */
async function lookOnce(client: Client, picture: Picture, sort: Order, signal: AbortSignal): Promise<void> {
  const silence = setTimeout(() => {
    picture.silent();
    if (picture.inPlace) void picture.draw();
  }, SILENT_AFTER);
  try {
    const rows = await client.request('ps', { usage: true }, { signal });
    picture.seen([...rows].sort(ORDERS[sort]));
  } catch (thrown) {
    const error = asSupertreeError(thrown);
    if (signal.aborted || !picture.inPlace || !AWAY.has(error.code)) throw thrown;
    picture.silent(error);
  } finally {
    clearTimeout(silence);
  }
}

const AWAY: ReadonlySet<string> = new Set(['NO_SERVER', 'TIMEOUT']);

/** What was seen last, and how it is shown. */
class Picture {
  readonly #host: Host;
  readonly #screen: Screen;
  readonly #json: boolean;
  #last: { readonly rows: readonly AgentRow[]; readonly at: number } | null = null;
  #isSilent = false;
  #error: SupertreeError | null = null;

  constructor(host: Host, screen: Screen, json: boolean) {
    this.#host = host;
    this.#screen = screen;
    this.#json = json;
  }

  get inPlace(): boolean {
    return this.#screen.inPlace;
  }

  seen(rows: readonly AgentRow[]): void {
    this.#last = { rows, at: this.#host.now() };
    this.#isSilent = false;
  }

  /** The server does not answer. */
  silent(error: SupertreeError | null = null): void {
    this.#isSilent = true;
    this.#error = error;
  }

  /** Resolves with `false` when nobody looks any more. */
  draw(): Promise<boolean> {
    return this.#screen.show(this.#lines());
  }

  #lines(): string[] {
    const { columns } = this.#host.out;
    if (this.#last === null) return [truncate(this.#error === null ? 'no answer yet' : lineOf(this.#error), columns)];
    const { rows, at } = this.#last;
    if (this.#json) return [JSON.stringify({ at, agents: rows })];
    const head = `${this.#isSilent ? 'no answer since ' : ''}${timeOfDay(at)}  ${headOf(rows)}`;
    const view = { ...viewOf(this.#host), now: at };
    const table = renderAgents(rows, view);
    return withinRows([truncate(head, columns), '', ...table], this.#screen.rows, columns);
  }
}

/** As many lines as there is room for, a line each about an agent from the fourth on; the last one tells how many agents are hidden. */
function withinRows(lines: readonly string[], rows: number, columns: number): string[] {
  if (lines.length <= rows) return [...lines];
  const shown = lines.slice(0, Math.max(1, rows - 1));
  const hidden = lines.length - Math.max(shown.length, HEAD);
  return rows < 2 ? shown : [...shown, truncate(`... and ${hidden} more`, columns)];
}

/** How many lines stand above the agents: what they come to, nothing, and the titles. */
const HEAD = 3;

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

function headOf(rows: readonly AgentRow[]): string {
  const sum = (measure: (row: AgentRow) => number) => rows.reduce((total, row) => total + measure(row), 0);
  const states = new Map<string, number>();
  for (const row of [...rows].sort(byPath)) {
    const state = isExhausted(row) ? 'exhausted' : row.state;
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  const counts = [...states].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count} ${state}`);
  const cpu = percent(sum(({ usage }) => usage?.cpu ?? 0));
  const memory = size(sum(({ usage }) => usage?.memory ?? 0));
  const agents = `${rows.length} ${rows.length === 1 ? 'agent' : 'agents'}`;
  return `${agents}${counts.length === 0 ? '' : `: ${counts.join(', ')}`}; cpu ${cpu}, memory ${memory}`;
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
