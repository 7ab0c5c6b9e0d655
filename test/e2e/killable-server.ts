import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, connect } from '../../src/client/client.js';
import { SupertreeError } from '../../src/errors.js';
import { PROGRAM } from '../program.js';
import { Marked } from './marked.js';

export interface StartOptions {
  /** Words before its command, such as `sh -c 'ulimit ...; exec "$0" "$@"'`. If not given, none. */
  readonly prefix?: readonly string[];
  /** Variables beside those of this process. If not given, none. */
  readonly env?: NodeJS.ProcessEnv;
  /** The words that run its command line. If not given, that of this release. */
  readonly program?: readonly string[];
}

/** A server with a state directory in a process of its own, which is killed and started again; and a client that lives through that. */
export class KillableServer {
  readonly #marked = new Marked();
  readonly #owner: number | undefined;
  #process: ChildProcess | undefined;
  #errors = '';
  #client: Client | undefined;

  /** `owner`: the user that `prefix` makes it, who gets its directory. If not given, that of this process. */
  constructor(owner?: number) {
    this.#owner = owner;
    if (owner !== undefined) chownSync(this.directory, owner, -1);
  }

  /** For its files, and for those of its agents. */
  get directory(): string {
    return this.#marked.directory;
  }

  get client(): Client {
    return this.#client!;
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  /** What the present process has written to standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** Starts it with this tree file, or with the one that it had; resolves when it has booted. */
  async start(tree?: string, options: StartOptions = {}): Promise<void> {
    this.begin(tree, options);
    await this.booted();
  }

  /** Starts its process, and does not wait for it. */
  begin(tree?: string, options: StartOptions = {}): void {
    if (tree !== undefined) writeFileSync(this.#file('tree.toml'), tree);
    const server = this.#spawn('s.sock', options);
    this.#process = server;
    this.#errors = '';
    server.stderr!.on('data', (bytes) => {
      if (this.#process === server) this.#errors += bytes;
    });
  }

  /** Resolves when it has booted, or has ended. */
  async booted(): Promise<void> {
    const server = this.#process!;
    const isOver = () => server.exitCode !== null || server.signalCode !== null;
    const exited = once(server, 'exit').then(() => true);
    await until(() => existsSync(this.#file('s.sock')) || isOver());
    const owner = this.#owner === undefined ? {} : { owner: this.#owner };
    this.#client ??= await connect({ endpoint: `ipc://${this.#file('s.sock')}`, patience: 60_000, ...owner });
    // A connection that breaks again and again is tried less and less often.
    const retry = setInterval(() => this.client.reconnect(), 50);
    await until(() => isOver() || Promise.race([this.#isBooted(), exited]));
    clearInterval(retry);
  }

  /** Resolves with the exit code of the present process, which should end by itself; `null` when it was ended by a signal. */
  async exited(): Promise<number | null> {
    const server = this.#process!;
    if (server.exitCode === null && server.signalCode === null) await once(server, 'close');
    return server.exitCode;
  }

  /** The pid of its keeper, of its first one if there are several; `undefined` when none lives. */
  keeper(): number | undefined {
    return this.keepers()[0];
  }

  /** The pids of its keepers, in the order of pids. */
  keepers(): number[] {
    return this.processes().filter((pid) => commandOf(pid).startsWith('supertree-keeper'));
  }

  /** False while nothing answers: the client may not have noticed yet that the server was killed. */
  async #isBooted(): Promise<boolean> {
    try {
      return (await this.client.tree()).status !== 'booting';
    } catch (thrown) {
      if (thrown instanceof SupertreeError && thrown.code === 'NO_SERVER') return false;
      throw thrown;
    }
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Resolves with its exit code after SIGTERM. */
  terminate(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** Starts another server with the same directory, which should end by itself. */
  async startAnother(): Promise<{ code: number | null; err: string }> {
    const server = this.#spawn('other.sock', {});
    let err = '';
    server.stderr!.on('data', (bytes) => {
      err += bytes;
    });
    const [code] = (await once(server, 'close')) as [number | null];
    return { code, err };
  }

  /** The pids of all its processes that are alive, keepers included. */
  processes(): number[] {
    return this.#marked.pids();
  }

  /** The pids of an agent. */
  members(path: string): number[] {
    return this.#marked.pids(path);
  }

  /** The pids of the main processes of an agent. */
  mains(path: string): number[] {
    return this.#marked.members(path).flatMap(({ pid, session }) => (pid === session ? [pid] : []));
  }

  async dispose(): Promise<void> {
    await this.#client?.close();
    this.#process?.kill('SIGKILL');
    this.#marked.dispose();
  }

  #spawn(socket: string, { prefix = [], env: more = {}, program = PROGRAM }: StartOptions): ChildProcess {
    const serve = [...program, 'serve', this.#file('tree.toml'), '--endpoint', `ipc://${this.#file(socket)}`];
    const [command, ...args] = [...prefix, ...serve, '--state', this.#file('state')];
    const env = { ...this.#marked.env, ...more };
    return spawn(command!, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const server = this.#process!;
    const ended = this.exited();
    server.kill(signal);
    return ended;
  }

  #file(name: string): string {
    return join(this.directory, name);
  }
}

/** For a minute at most: what follows fails then. */
async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await isDone()) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
