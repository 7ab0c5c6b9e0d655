import { type Command, Option } from 'commander';
import type { Client } from '../../client/client.js';
import { asSupertreeError, SupertreeError } from '../../errors.js';
import { nonEmpty, positive } from '../arguments.js';
import { EXIT, Interrupted, lineOf } from '../exit.js';
import type { Host, Sink } from '../host.js';
import type { AddCommands } from '../invocation.js';
import { printJson, printLines, withClients } from '../session.js';
import { type Column, table } from '../table.js';

const BAR_WIDTH = 30;
const REDRAW_EVERY = 100;

type Operation = 'status' | 'list' | 'echo';

interface Options {
  clients: number;
  requests: number;
  depth: number;
  operation: Operation;
  agent?: string;
  json?: boolean;
}

/** The figures of one run. Latencies are in ms. */
interface Measured {
  readonly operation: Operation;
  readonly clients: number;
  readonly depth: number;
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly latency: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number } | null;
}

/** `load`: many read-only requests from many clients, with their latencies. */
export const addLoad: AddCommands = (program, { host, finish }) => {
  program
    .command('load')
    .description('Send many requests that change nothing, and print their rate and latencies.')
    .addOption(new Option('--clients <N>', 'number of connections').argParser(positive).default(10))
    .addOption(new Option('--requests <N>', 'number of requests in all').argParser(positive).default(1_000))
    .addOption(new Option('--depth <N>', 'requests in flight on each connection').argParser(positive).default(1))
    .addOption(
      new Option('--operation <O>', 'ask for one agent, for the list, or for an echo')
        .choices(['status', 'list', 'echo'])
        .default('status'),
    )
    .option('--agent <AGENT>', 'the agent of status and echo. If not given, the first one', nonEmpty)
    .option('--json', 'print one JSON document; latencies in ms')
    .addHelpText(
      'after',
      '\nExamples:\n  $ supertree load\n  $ supertree load --clients 50 --requests 20000 --operation list\n',
    )
    .action(async (options: Options, command: Command) => finish(await load(host, options, command)));
};

async function load(host: Host, options: Options, command: Command): Promise<number> {
  const run = new Run(options);
  const show = () => {
    if (options.json) printJson(host.out, run.measured);
    else printLines(host.out, render(run.measured));
  };
  const note = () => `Interrupted. ${run.done} of ${run.total} requests were answered.`;
  try {
    await withClients(host, command, note, options.clients, async (clients, signal) => {
      const request = await requestOf(clients, options);
      const bar = drawProgress(host.err, run);
      signal.addEventListener('abort', () => bar.close());
      await run.all(clients, request, signal).finally(() => bar.close());
    });
  } catch (thrown) {
    if (thrown instanceof Interrupted && run.done > 0) show();
    throw thrown;
  }
  show();
  const { measured, failure } = run;
  if (failure === null) return EXIT.done;
  printLines(host.err, [`${measured.failed} of ${measured.requests} failed, the first with ${lineOf(failure)}`]);
  return EXIT.failed;
}

type Request = (client: Client, signal: AbortSignal) => Promise<unknown>;

/** The request to send. Rejects AGENT_NOT_FOUND when it needs an agent and there is none. */
async function requestOf([client]: readonly Client[], { operation, agent }: Options): Promise<Request> {
  if (operation === 'list') return (each, signal) => each.request('ps', {}, { signal });
  const name = agent ?? (await client?.request('ps', {}))?.[0]?.path;
  if (name === undefined || client === undefined) throw new SupertreeError('AGENT_NOT_FOUND', { agent: 'at all' });
  const { uuid } = await client.request('status', { agent: name });
  if (operation === 'status') return (each, signal) => each.request('status', { agent: uuid }, { signal });
  return (each, signal) => each.action(uuid, 'echo', { text: 'supertree' }, { signal });
}

/** A number of requests that all connections share: each connection takes the next one when it has an answer. */
class Run {
  readonly #options: Options;
  readonly #latencies: number[] = [];
  #taken = 0;
  #failed = 0;
  #failure: SupertreeError | null = null;
  #beganAt = 0;
  #endedAt = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  get done(): number {
    return this.#latencies.length + this.#failed;
  }

  get total(): number {
    return this.#options.requests;
  }

  /** The first error; `null` when none. */
  get failure(): SupertreeError | null {
    return this.#failure;
  }

  /** The figures up to the last answer. */
  get measured(): Measured {
    const { operation, clients, depth } = this.#options;
    const seconds = (this.#endedAt - this.#beganAt) / 1_000;
    const sorted = [...this.#latencies].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
    const latency = sorted.length === 0 ? null : { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
    const requestsPerSecond = seconds === 0 ? 0 : sorted.length / seconds;
    return {
      operation,
      clients,
      depth,
      requests: this.done,
      failed: this.#failed,
      seconds,
      requestsPerSecond,
      latency,
    };
  }

  async all(clients: readonly Client[], request: Request, signal: AbortSignal): Promise<void> {
    this.#beganAt = performance.now();
    const loops = clients.flatMap((client) =>
      Array.from({ length: this.#options.depth }, () => this.#sendLoop(client, request, signal)),
    );
    await Promise.all(loops);
  }

  async #sendLoop(client: Client, request: Request, signal: AbortSignal): Promise<void> {
    while (this.#taken < this.total && !signal.aborted) {
      this.#taken++;
      const began = performance.now();
      try {
        await request(client, signal);
        this.#endedAt = performance.now();
        this.#latencies.push(this.#endedAt - began);
      } catch (thrown) {
        // A request that the interrupt ended has not failed.
        if (signal.aborted) return;
        this.#endedAt = performance.now();
        this.#failed++;
        this.#failure ??= asSupertreeError(thrown);
      }
    }
  }
}

/** A progress bar that is redrawn on a terminal. Nothing elsewhere: a log has no use for it. */
function drawProgress(sink: Sink, run: Run): { close(): void } {
  if (!sink.terminal) return { close: () => {} };
  const draw = () => {
    const filled = Math.round((BAR_WIDTH * run.done) / run.total);
    sink.write(`\r[${'#'.repeat(filled).padEnd(BAR_WIDTH)}] ${run.done}/${run.total}\x1b[K`);
  };
  draw();
  const timer = setInterval(draw, REDRAW_EVERY);
  let isOpen = true;
  return {
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      clearInterval(timer);
      draw();
      sink.write('\n');
    },
  };
}

function render({
  operation,
  clients,
  depth,
  requests,
  failed,
  seconds,
  requestsPerSecond,
  latency,
}: Measured): string[] {
  const ms = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(2));
  const cells: [title: string, text: string][] = [
    ['OPERATION', operation],
    ['CLIENTS', String(clients)],
    ['DEPTH', String(depth)],
    ['REQUESTS', String(requests)],
    ['FAILED', String(failed)],
    ['SECONDS', seconds.toFixed(2)],
    ['PER SECOND', String(Math.round(requestsPerSecond))],
    ['P50 MS', ms(latency?.p50)],
    ['P90 MS', ms(latency?.p90)],
    ['P99 MS', ms(latency?.p99)],
    ['MAX MS', ms(latency?.max)],
  ];
  const columns = cells.map(([title, text]): Column<null> => ({ title, cell: () => text, align: 'right' }));
  return table(columns, [null], Number.POSITIVE_INFINITY);
}
