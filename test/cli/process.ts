import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { createTree } from '../../src/actors/tree.js';
import type { Sink } from '../../src/cli/host.js';
import { run } from '../../src/cli/run.js';
import { connect } from '../../src/client/client.js';
import { loadConfig } from '../../src/server/config.js';
import { createServer } from '../../src/server/server.js';
import { PROGRAM, ROOT } from '../program.js';

export interface Finished {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

/** A real `supertree` process. */
export interface Process {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** What it wrote so far. */
  readonly out: () => string;
  readonly err: () => string;
}

/** A directory of its own for sockets and files; `remove` takes it away again. */
export async function scratch(): Promise<{ path: string; endpoint: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'supertree-cli-'));
  return { path, endpoint: `ipc://${path}/s.sock`, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Starts `supertree ARGV` with nothing in its environment that could name a server but `endpoint`. */
export function launch(
  argv: readonly string[],
  { endpoint, input }: { endpoint?: string; input?: Uint8Array | Readable } = {},
): Process {
  const child = spawn(PROGRAM[0], [...PROGRAM.slice(1), ...argv], { cwd: ROOT, env: environment(endpoint) });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.on('error', () => undefined);
  if (input instanceof Readable) input.pipe(child.stdin);
  else child.stdin.end(input);
  const finished = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }));
  return { child, finished, out: () => out, err: () => err };
}

/** A command line that runs in this process, against a real server. */
export interface Begun extends Pick<Process, 'finished' | 'out' | 'err'> {
  /** What a signal to a program of its own would do. */
  interrupt(signal: 'SIGINT' | 'SIGTERM'): void;
}

/**
 * The command line against the same server, run in this process: for what does not hang on being a process. `terminal` says whether standard output and
 * standard error are terminals; if not given, they are none.
 */
export function begin(argv: readonly string[], endpoint: string, { terminal = false, env = {} } = {}): Begun {
  const signals = new EventEmitter();
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const sink = (chunks: Buffer[]): Sink => ({
    write: (data) => chunks.push(Buffer.from(data as Uint8Array)),
    terminal,
    columns: Number.POSITIVE_INFINITY,
  });
  const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
  const running = run(argv, {
    env: { SUPERTREE_ENDPOINT: endpoint, ...env },
    cwd: ROOT,
    now: () => Date.now(),
    out: sink(out),
    err: sink(err),
    stdin: Readable.from([]),
    stdinTerminal: false,
    connect: (named) => connect(named === undefined ? {} : { endpoint: named }),
    examine: () => Promise.reject(new Error('a doctor runs in a process of its own')),
    serve: () => Promise.reject(new Error('a server runs in a process of its own')),
    onInterrupt: (listener) => {
      signals.on('interrupt', listener);
      return () => signals.off('interrupt', listener);
    },
  });
  const finished = running.then((code) => ({ code, signal: null, out: text(out), err: text(err) }));
  const interrupt = (signal: 'SIGINT' | 'SIGTERM') => signals.emit('interrupt', signal);
  return { finished, out: () => text(out), err: () => text(err), interrupt };
}

/** As `begin`, to its end. */
export function ask(...[argv, endpoint, options]: Parameters<typeof begin>): Promise<Finished> {
  return begin(argv, endpoint, options).finished;
}

/** Runs a shell line in which `supertree` is this program. */
export function shell(line: string, endpoint?: string): Promise<Finished> {
  const script = `supertree() { ${PROGRAM.map((word) => `"${word}"`).join(' ')} "$@"; }\n${line}`;
  const child = spawn('bash', ['-c', script], {
    cwd: ROOT,
    env: environment(endpoint),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  return once(child, 'close').then(([code, signal]) => ({ code, signal, out, err }));
}

/** What `supertree` needs of the environment of this process, and nothing that could name a server but `endpoint`. */
export function environment(endpoint: string | undefined): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, XDG_RUNTIME_DIR } = process.env;
  return { PATH, HOME, TMPDIR, XDG_RUNTIME_DIR, ...(endpoint !== undefined && { SUPERTREE_ENDPOINT: endpoint }) };
}

/** Resolves when `condition` holds; the timeout of the test is the limit. A condition that throws does not hold yet. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (
    !(await Promise.resolve()
      .then(condition)
      .catch(() => false))
  )
    await sleep(50);
}

/** A server of its own, driven by the command line. */
export interface Served {
  readonly endpoint: string;
  supertree(...argv: string[]): ReturnType<typeof ask>;
  /** Stops the server and removes its directory. */
  close(): Promise<void>;
}

/** Serves a tree, an empty one if none is given, by a program of its own, and resolves when it is up. */
export async function served(tree: object = { children: [] }): Promise<Served> {
  const { place, file } = await placeOf(tree);
  const { endpoint } = place;
  const server = launch(['serve', file], { endpoint });
  const client = await connect({ endpoint, wait: 60_000 });
  await client.close();
  const close = async () => {
    server.child.kill('SIGTERM');
    await server.finished;
    await place.remove();
  };
  return { endpoint, supertree: (...argv) => ask(argv, endpoint), close };
}

/**
 * As `served`, in this process: for tests in which the program of the server is not the point. Its agents are killed when it is closed, and an error that
 * belongs to no request fails the test then.
 */
export async function servedHere(tree: object = { children: [] }): Promise<Served> {
  const { place, file } = await placeOf(tree);
  const { endpoint } = place;
  const config = await loadConfig(file);
  const failures: unknown[] = [];
  const failed = (thrown: unknown) => failures.push(thrown);
  const settings = { ...config.settings, endpoints: [endpoint] };
  const server = await createServer({ config: { ...config, settings }, createTree, failed });
  server.tree.start().catch(failed);
  const close = async () => {
    await server.stop({ brutal: true });
    await place.remove();
    expect(failures).toEqual([]);
  };
  return { endpoint, supertree: (...argv) => ask(argv, endpoint), close };
}

async function placeOf(tree: object): Promise<{ place: Awaited<ReturnType<typeof scratch>>; file: string }> {
  const place = await scratch();
  const file = join(place.path, 'tree.json');
  await writeFile(file, JSON.stringify(tree));
  return { place, file };
}
