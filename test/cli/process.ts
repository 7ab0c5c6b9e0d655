import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sink } from '../../src/cli/host.js';
import { run } from '../../src/cli/run.js';
import { connect } from '../../src/client/client.js';
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

/** The same command line against the same server, run in this process: for what does not hang on being a process. */
export async function ask(argv: readonly string[], endpoint: string): Promise<Finished> {
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  const sink = (chunks: Buffer[]): Sink => ({
    write: (data) => chunks.push(Buffer.from(data as Uint8Array)),
    terminal: false,
    columns: Number.POSITIVE_INFINITY,
  });
  const code = await run(argv, {
    env: { SUPERTREE_ENDPOINT: endpoint },
    cwd: ROOT,
    now: () => Date.now(),
    out: sink(out),
    err: sink(err),
    stdin: Readable.from([]),
    stdinTerminal: false,
    connect: (named) => connect(named === undefined ? {} : { endpoint: named }),
    examine: () => Promise.reject(new Error('a doctor runs in a process of its own')),
    serve: () => Promise.reject(new Error('a server runs in a process of its own')),
    onInterrupt: () => () => undefined,
  });
  return { code, signal: null, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() };
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

/** A server of its own, driven by the built command line. */
export interface Served {
  readonly endpoint: string;
  supertree(...argv: string[]): ReturnType<typeof ask>;
  /** Stops the server and removes its directory. */
  close(): Promise<void>;
}

/** Serves a tree, an empty one if none is given, and resolves when it is up. */
export async function served(tree: object = { children: [] }): Promise<Served> {
  const place = await scratch();
  const { endpoint } = place;
  const file = join(place.path, 'tree.json');
  await writeFile(file, JSON.stringify(tree));
  const server = launch(['serve', file], { endpoint });
  const supertree = (...argv: string[]) => ask(argv, endpoint);
  await until(async () => (await supertree('ps')).code === 0);
  const close = async () => {
    server.child.kill('SIGTERM');
    await server.finished;
    await place.remove();
  };
  return { endpoint, supertree, close };
}
