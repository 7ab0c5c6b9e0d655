import { EventEmitter } from 'node:events';
import type { Host, ServeRequest, Sink } from '../../src/cli/host.js';
import { run } from '../../src/cli/run.js';
import type { Client, LinkState, LogItem } from '../../src/client/client.js';
import type { SupervisorView } from '../../src/contract/view.js';
import { SupertreeError } from '../../src/errors.js';
import type { Finding } from '../../src/model/finding.js';
import type { AgentRow, OperationName, ParamsOf, Progress } from '../../src/protocol/operations.js';

export const NOW = 1_700_000_000_000;

/** A request as the fake server saw it. */
export interface Seen {
  readonly name: OperationName;
  readonly params: ParamsOf<OperationName>;
}

export type Answer = (params: never, progress: (progress: Progress) => void, accept: () => void) => unknown;

export interface Setup {
  /** What the fake server answers, by operation; a throw is a refusal. Without an answer, `tree` and `health` are those of an empty server; any other never answers. */
  answers?: Partial<Record<OperationName, Answer>>;
  env?: Record<string, string>;
  stdin?: readonly Uint8Array[];
  terminal?: boolean;
  /** Standard error is a terminal. If not given, it is none. */
  errTerminal?: boolean;
  columns?: number;
  rows?: number;
  /** What the statistics of the client tell of its link; the test may change it. */
  link?: { state: LinkState; reconnections: number };
  /** What a followed agent writes. */
  logs?: AsyncIterable<LogItem>;
  /** Never connects. */
  connecting?: boolean;
  /** True when nobody answers at all. */
  absent?: boolean;
  /** True when the present directory was deleted. */
  cwdGone?: boolean;
  serve?: (request: ServeRequest) => Promise<number>;
  /** What `doctor` finds. If not given, nothing. */
  findings?: readonly Finding[];
}

export interface Result {
  readonly code: number;
  readonly out: string;
  readonly bytes: Buffer;
  readonly err: string;
  readonly seen: readonly Seen[];
  readonly endpoints: readonly (string | undefined)[];
  readonly closed: number;
}

/** A command line that is running against a fake server. */
export interface Running {
  readonly result: Promise<Result>;
  readonly seen: readonly Seen[];
  readonly endpoints: readonly (string | undefined)[];
  /** What was written so far. */
  out(): string;
  err(): string;
  /** Gives the terminal another size. */
  resize(columns: number, rows: number): void;
  interrupt(signal: 'SIGINT' | 'SIGTERM'): void;
}

export function supertree(argv: readonly string[], setup: Setup = {}): Promise<Result> {
  return begin(argv, setup).result;
}

export function begin(argv: readonly string[], setup: Setup = {}): Running {
  const signals = new EventEmitter();
  const out = capture(setup);
  const err = capture({ terminal: setup.errTerminal ?? false });
  const seen: Seen[] = [];
  const endpoints: (string | undefined)[] = [];
  let closed = 0;
  const client: Client = fakeClient(setup, seen, () => {
    closed += 1;
  });
  const host: Host = {
    env: setup.env ?? {},
    get cwd() {
      if (setup.cwdGone) throw new SupertreeError('CWD_GONE', { problem: 'ENOENT' });
      return '/home/me';
    },
    now: () => NOW,
    out: out.sink,
    err: err.sink,
    stdin: pieces(setup.stdin ?? []),
    stdinTerminal: false,
    connect: async (endpoint) => {
      endpoints.push(endpoint);
      if (setup.connecting) return new Promise(() => undefined);
      if (setup.absent) throw new SupertreeError('NO_SERVER', { endpoint: endpoint ?? 'ipc:///tmp/default' });
      return client;
    },
    examine: async () => [...(setup.findings ?? [])],
    serve: setup.serve ?? (async () => 0),
    onInterrupt: (listener) => {
      signals.on('interrupt', listener);
      return () => signals.off('interrupt', listener);
    },
  };
  const result = run(argv, host).then((code) => ({
    code,
    out: out.bytes().toString(),
    bytes: out.bytes(),
    err: err.bytes().toString(),
    seen,
    endpoints,
    closed,
  }));
  return {
    result,
    seen,
    endpoints,
    out: () => out.bytes().toString(),
    err: () => err.bytes().toString(),
    resize: out.resize,
    interrupt: (signal) => signals.emit('interrupt', signal),
  };
}

export function row(path: string, changes: Partial<AgentRow> = {}): AgentRow {
  return {
    path,
    id: path.slice(path.lastIndexOf('/') + 1),
    uuid: '0192f0c1-2222-7333-8444-555566667777',
    state: 'running',
    detail: 'running',
    pid: 4711,
    ports: {},
    restart: 'permanent',
    restarts: 0,
    incarnation: 1,
    health: 'unknown',
    healthSince: null,
    healthDetail: '',
    statusText: '',
    since: NOW - 12_000,
    createdAt: NOW - 12_500,
    startedAt: NOW - 12_400,
    readyAt: NOW - 12_000,
    pausedAt: null,
    pauseMode: null,
    exit: null,
    retryIn: null,
    blockers: [],
    command: ['node', 'web.mjs'],
    metadata: {},
    usage: { cpu: 1.25, memory: 12_345_678, measure: 'pss' },
    ...changes,
  };
}

function emptyTree(): SupervisorView {
  return { kind: 'supervisor', path: 'root', id: 'root', status: 'running', strategy: 'one_for_one', children: [] };
}

/** What a server answers that has nothing to tell. */
const DEFAULT_ANSWERS: Setup['answers'] & object = { tree: emptyTree, health: () => ({ failed: [] }) };

function fakeClient(setup: Setup, seen: Seen[], onClose: () => void): Client {
  let last: unknown;
  const request = async (
    name: OperationName,
    params: never,
    options: { onProgress?: (word: Progress) => void; onAccepted?: () => void } = {},
  ) => {
    // A look at what was started a moment ago.
    if (name === 'status' && setup.answers?.status === undefined && last !== undefined) return last;
    seen.push({ name, params });
    const answer = setup.answers?.[name] ?? DEFAULT_ANSWERS[name];
    if (answer === undefined) return new Promise(() => undefined);
    const answered = await answer(
      params,
      (word) => options.onProgress?.(word),
      () => options.onAccepted?.(),
    );
    last = answered;
    return answered;
  };
  const fake = {
    endpoint: 'ipc:///tmp/fake',
    get statistics() {
      const link = setup.link ?? { state: 'connected', reconnections: 0 };
      return { reconnections: link.reconnections, servers: [{ endpoint: 'ipc:///tmp/fake', ...link }] };
    },
    request,
    status: (agent: string) => request('status', { agent } as never),
    health: () => request('health', {} as never),
    logs: () => setup.logs,
    close: async () => onClose(),
  };
  return fake as unknown as Client;
}

function capture({ terminal = false, columns, rows }: Setup) {
  const chunks: Buffer[] = [];
  const size = { columns: columns ?? Number.POSITIVE_INFINITY, rows: rows ?? Number.POSITIVE_INFINITY };
  const resizes = new EventEmitter();
  const sink: Sink = {
    write: (data) => chunks.push(Buffer.from(data as Uint8Array)),
    terminal,
    get columns() {
      return size.columns;
    },
    get rows() {
      return size.rows;
    },
    onResize: (listener) => {
      resizes.on('resize', listener);
      return () => resizes.off('resize', listener);
    },
  };
  const resize = (columns: number, rows: number) => {
    Object.assign(size, { columns, rows });
    resizes.emit('resize');
  };
  return { sink, resize, bytes: () => Buffer.concat(chunks) };
}

async function* pieces(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
