import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { messageOf, SupertreeError } from '../../errors.js';
import { readStat } from '../proc/proc.js';
import type { KeeperReady, KeeperSettings } from './protocol/messages.js';
import type { RunningKeeper } from './running-keeper.js';
import { within } from './within.js';

/** What to launch. */
export interface LaunchOptions {
  /** The name of the tree, which ps(1) shows for the keeper. */
  readonly tree: string;
  /** The program of the keeper, for Node. If not given, that of this package. */
  readonly program?: string;
  /** For a keeper that keeps: where it listens, and its secret. If not given, it ends its agents when this program ends. */
  readonly keep?: KeeperAddress;
  /** Whether it may use native code. If not given, true. */
  readonly native?: boolean;
}

/** Where a keeper listens, and what a connection must know. */
export interface KeeperAddress {
  readonly socket: string;
  readonly secret: string;
}

/** A keeper that listens. */
export interface LaunchedKeeper extends KeeperAddress {
  readonly process: KeeperProcess;
}

/**
 * Starts a keeper in a session of its own and resolves when it listens. Rejects KEEPER_UNAVAILABLE and PROCESS_LIMIT. An abort ends it.
 */
export async function launchKeeper(
  { tree, program = PROGRAM, keep, native = true }: LaunchOptions,
  abort: AbortSignal,
): Promise<LaunchedKeeper> {
  const secret = keep?.secret ?? randomBytes(32).toString('hex');
  const keeper = new KeeperProcess(program);
  const kill = () => void keeper.end();
  abort.addEventListener('abort', kill);
  try {
    const settings = { secret, tree, keep: keep?.socket ?? null, native };
    return { process: keeper, socket: await keeper.begin(settings), secret };
  } catch (thrown) {
    await keeper.end();
    throw thrown;
  } finally {
    abort.removeEventListener('abort', kill);
  }
}

/** The process of a keeper that this program has started, until it is reaped. */
export class KeeperProcess implements RunningKeeper {
  readonly #child: ChildProcess;
  /** That of its socket; `null` before it listens. The keeper makes it anew when the connection is lost. */
  #directory: string | null = null;
  /** The end of what it has written to standard error. */
  #errors = '';
  /** The system allows no more processes, or not the threads of Node. */
  #isRefused = false;
  /** Resolves when it has ended, with how: `it was ended by SIGKILL`. */
  readonly ended: Promise<string>;

  /** Its working directory is the root, so that it keeps no file system of the user busy. */
  constructor(program: string) {
    this.#child = spawn(process.execPath, [...FLAGS, program], {
      cwd: '/',
      env: keeperEnvironment(),
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    // A child that could not be spawned for want of a descriptor has no streams, whatever its type says.
    for (const stream of this.#child.stdio ?? []) stream?.on('error', () => {});
    this.#child.stderr?.on('data', (bytes: Buffer) => {
      this.#errors = (this.#errors + bytes).slice(-ERRORS_LIMIT);
    });
    this.ended = this.#ending();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Hands over the settings and resolves with the path of its socket when it listens. Rejects KEEPER_UNAVAILABLE and PROCESS_LIMIT. */
  async begin(settings: KeeperSettings): Promise<string> {
    this.#child.stdin?.write(`${JSON.stringify(settings)}\n`);
    const end = this.ended.then((how) => ({ problem: how }));
    const late = { problem: `it was not ready within ${PATIENCE} ms` };
    const watch = this.#watchThreads();
    const ready = await within(PATIENCE, Promise.race([readinessOf(this.#child.stdout), end]), late);
    clearInterval(watch);
    if (this.#isRefused) throw new SupertreeError('PROCESS_LIMIT', { problem: 'no keeper can be started' });
    if (ready.problem !== null) throw new SupertreeError('KEEPER_UNAVAILABLE', { problem: ready.problem });
    this.#directory = settings.keep === null ? dirname(ready.socket) : null;
    return ready.socket;
  }

  /**
   * The program is connected: from now on its process does not keep the program alive, but the connection may. Nobody else is to connect, so the directory
   * of the socket is removed: it is not left behind when both are killed.
   */
  detach(): void {
    this.#removeDirectory();
    this.#child.stdin?.destroy();
    this.#child.stdout?.destroy();
    (this.#child.stderr as Socket | null)?.unref();
    this.#child.unref();
  }

  /** How it has ended; `null` when it has not within so many ms. */
  async endedWithin(timeout: number): Promise<string | null> {
    this.#child.ref();
    return within(timeout, this.ended, null);
  }

  /** Resolves when it has ended and its directory is removed. After `patience` ms it is killed; if not given, at once. */
  async end(patience = 0): Promise<void> {
    this.#child.ref();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    await this.ended;
    clearTimeout(timer);
    this.#removeDirectory();
  }

  /** Where the system refuses the last of its first threads, Node waits for that thread for ever: then it is killed. */
  #watchThreads(): NodeJS.Timeout {
    let count = 0;
    return setInterval(() => {
      const { state = '', threads = 0 } = readStat(this.pid) ?? {};
      count = state === 'S' && threads < FEWEST_THREADS ? count + 1 : 0;
      if (count < LOOKS) return;
      this.#isRefused = true;
      this.#child.kill('SIGKILL');
    }, BETWEEN_LOOKS);
  }

  #removeDirectory(): void {
    if (this.#directory !== null) rmSync(this.#directory, { recursive: true, force: true });
  }

  async #ending(): Promise<string> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) => {
        this.#isRefused = error.code === 'EAGAIN';
        resolve(`it could not be started: ${messageOf(error)}`);
      });
      this.#child.once('exit', () => (this.#child.stderr as Socket | null)?.ref());
      this.#child.once('close', (code, signal) =>
        resolve(signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`),
      );
    });
    // Node aborts at most threads that it cannot create.
    this.#isRefused ||= /uv_thread_create|pthread_create/.test(this.#errors);
    const error = /^\w*Error.*$/m.exec(this.#errors)?.[0];
    return error === undefined ? how : `${how}: ${error}`;
  }
}

/** Variables that change how Node runs are for the program, not for its keeper. */
function keeperEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  return env;
}

/** The line that a keeper writes when it is ready or cannot run. Pending when its output ends without that. */
function readinessOf(output: Readable | null): Promise<KeeperReady> {
  return new Promise((resolve) => {
    let text = '';
    output?.on('data', (bytes: Buffer) => {
      text += bytes;
      if (text.includes('\n')) resolve(readinessIn(text));
    });
  });
}

function readinessIn(text: string): KeeperReady {
  const foreign = { problem: `it wrote ${JSON.stringify(text.slice(0, 100))}` };
  try {
    const ready = JSON.parse(text.slice(0, text.indexOf('\n'))) as KeeperReady;
    return typeof ready.problem === 'string' || typeof ready.socket === 'string' ? ready : foreign;
  } catch {
    return foreign;
  }
}

/** The program of the keeper, in the build of this package. */
const PROGRAM = join(packageOf(fileURLToPath(import.meta.url)), 'dist/drivers/keeper/program/main.cjs');

/** The nearest directory above the file that has a package.json. */
function packageOf(file: string): string {
  const parent = dirname(file);
  return existsSync(join(parent, 'package.json')) || parent === file ? parent : packageOf(parent);
}

/**
 * No inspector for whoever sends SIGUSR1, where Node can do without, and one thread for the collection of a small heap instead of four: each counts as a process
 * of the user (RLIMIT_NPROC). No options of V8, with which a start of Node takes twice as long.
 */
const FLAGS = [
  ...['--disable-sigusr1'].filter((flag) => process.allowedNodeEnvironmentFlags.has(flag)),
  '--v8-pool-size=1',
];

/** The main thread of Node, that of its delayed tasks, and one of the pool: it runs no program before it has these. */
const FEWEST_THREADS = 3;

/** How often a start that waits is seen to wait before it is given up, and the time between, in ms. */
const LOOKS = 4;
const BETWEEN_LOOKS = 500;

/** How long a keeper may take until it listens, in ms: on a busy machine a process needs long to start. */
const PATIENCE = 60_000;

const ERRORS_LIMIT = 4096;
