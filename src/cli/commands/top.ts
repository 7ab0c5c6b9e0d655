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

/** `top`: the agents with their usage, refreshed at an interval. */
export const addTop: AddCommands = (program, { host, finish }) => {
  program
    .command('top')
    .description(
      'Show the agents with their cpu and memory, refreshed at an interval. On a terminal in place; q ends it.',
    )
    .addOption(
      new Option('--sort <BY>', 'the order: most cpu, memory or restarts first, or by path')
        .choices(['cpu', 'memory', 'restarts', 'path'])
        .default('cpu'),
    )
    .option('-n, --iterations <N>', 'the number of refreshes. If not given, until it is ended', positive)
    .addOption(new Option('--interval <MS>', 'the time between two refreshes').argParser(interval).default(2_000))
    .option('--json', 'print { at, agents } at each refresh, one JSON document a line')
    .addHelpText('after', '\nExamples:\n  $ supertree top\n  $ supertree top --sort memory -n 1\n')
    .action(async (options: Options, command: Command) => {
      finish(await withClient(host, command, '', (client, signal) => top(host, client, options, signal)));
    });
};

/** Keys that end it: q, and Ctrl-C and Ctrl-D, which the terminal does not turn into signals in raw mode. */
const QUIT_KEYS: ReadonlySet<string> = new Set(['q', 'Q', '\u0003', '\u0004']);

/** After so many ms without an answer the header says so. */
const SILENT_AFTER = 2_000;

/** In place, the header reports a lost connection: a note on standard error would disturb the picture. */
function top(host: Host, client: Client, options: Options, interrupted: AbortSignal): Promise<number> {
  const work = () => watch(host, client, options, interrupted);
  return canDrawOver(host) && !options.json ? work() : whileLinked(host, client, work);
}

async function watch(host: Host, client: Client, options: Options, interrupted: AbortSignal): Promise<number> {
  const screen = openScreen(host, !options.json);
  const picture = new Picture(host, screen, options.json ?? false);
  const quit = new AbortController();
  const undo = [
    screen.inPlace ? host.keys?.((key) => QUIT_KEYS.has(key.charAt(0)) && quit.abort()) : undefined,
    screen.inPlace ? host.out.onResize?.(() => void picture.draw()) : undefined,
  ];
  const signal = AbortSignal.any([interrupted, quit.signal]);
  try {
    for (let left = options.iterations ?? Number.POSITIVE_INFINITY; left > 0 && !signal.aborted; left--) {
      await printOnce(client, picture, options.sort, signal);
      if (!(await picture.draw())) break;
      if (left > 1) await pause(options.interval, signal);
    }
  } catch (thrown) {
    if (!quit.signal.aborted) throw thrown;
  } finally {
    for (const each of undo) each?.();
    screen.close();
  }
  return EXIT.done;
}

/** Updates the picture. In place, a server that is away is waited for, and the last rows stay. */
async function printOnce(client: Client, picture: Picture, sort: Order, signal: AbortSignal): Promise<void> {
  const silence = setTimeout(() => {
    picture.silent();
    if (picture.inPlace) void picture.draw();
  }, SILENT_AFTER);
  try {
    const rows = await client.request('ps', { usage: true }, { signal });
    picture.seen([...rows].sort(ORDERS[sort]));
  } catch (thrown) {
    const error = asSupertreeError(thrown);
    if (signal.aborted || !picture.inPlace || !UNREACHABLE.has(error.code)) throw thrown;
    picture.silent(error);
  } finally {
    clearTimeout(silence);
  }
}

const UNREACHABLE: ReadonlySet<string> = new Set(['NO_SERVER', 'TIMEOUT']);

/** The last rows and their display. */
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

  /** Marks the rows as stale: the server does not answer. */
  silent(error: SupertreeError | null = null): void {
    this.#isSilent = true;
    this.#error = error;
  }

  /** Resolves with `false` when the reader of the output has gone. */
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

/** The lines that fit on the screen; the agents begin at the fourth line, and the last line gives the number of hidden agents. */
function withinRows(lines: readonly string[], rows: number, columns: number): string[] {
  if (lines.length <= rows) return [...lines];
  const shown = lines.slice(0, Math.max(1, rows - 1));
  const hidden = lines.length - Math.max(shown.length, HEAD);
  return rows < 2 ? shown : [...shown, truncate(`... and ${hidden} more`, columns)];
}

/** Lines above the agents: the totals, a blank line, and the titles. */
const HEAD = 3;

type Compare = (a: AgentRow, b: AgentRow) => number;

const byPath: Compare = (a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);

/** Descending; unmeasured values come last, equal ones in the order of their paths. */
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

/** Resolves early when `signal` aborts. */
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
