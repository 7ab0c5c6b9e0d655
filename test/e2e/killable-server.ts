import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect } from '../../src/client/client.js';
import { SupertreeError } from '../../src/errors.js';
import { PROGRAM } from '../program.js';
import { MARK, processesMarked } from './proc.js';

/** A server with a state directory in a process of its own, which is killed and started again; and a client that lives through that. */
export class KillableServer {
  /** For its files, and for those of its agents. */
  readonly directory = mkdtempSync(join(tmpdir(), 'supertree-adopt-'));
  readonly #mark = randomUUID();
  #process: ChildProcess | undefined;
  #client: Client | undefined;

  get client(): Client {
    return this.#client!;
  }

  get pid(): number {
    return this.#process!.pid!;
  }

  /** Starts it with this tree file, or with the one that it had; resolves when it has booted. */
  async start(tree?: string): Promise<void> {
    if (tree !== undefined) writeFileSync(this.#file('tree.toml'), tree);
    const server = this.#spawn('s.sock');
    this.#process = server;
    await until(() => existsSync(this.#file('s.sock')) || server.exitCode !== null);
    this.#client ??= await connect({ endpoint: `ipc://${this.#file('s.sock')}`, patience: 60_000 });
    // A connection that breaks again and again is tried less and less often.
    const retry = setInterval(() => this.client.reconnect(), 50);
    await until(() => this.#isBooted());
    clearInterval(retry);
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
    const server = this.#spawn('other.sock');
    let err = '';
    server.stderr!.on('data', (bytes) => {
      err += bytes;
    });
    const [code] = (await once(server, 'close')) as [number | null];
    return { code, err };
  }

  /** The pids of all its processes that are alive, keepers included. */
  processes(): number[] {
    return processesMarked(this.#mark).map(({ pid }) => pid);
  }

  /** The pids of an agent. */
  members(path: string): number[] {
    return processesMarked(this.#mark, path).map(({ pid }) => pid);
  }

  /** The pids of the main processes of an agent. */
  mains(path: string): number[] {
    return processesMarked(this.#mark, path).flatMap(({ pid, session }) => (pid === session ? [pid] : []));
  }

  async dispose(): Promise<void> {
    await this.#client?.close();
    this.#process?.kill('SIGKILL');
    for (const pid of this.processes()) kill(pid);
    rmSync(this.directory, { recursive: true });
  }

  #spawn(socket: string): ChildProcess {
    const [node, main] = PROGRAM as [string, string];
    const args = [main, 'serve', this.#file('tree.toml'), '--endpoint', `ipc://${this.#file(socket)}`];
    const env = { ...process.env, [MARK]: this.#mark };
    const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe'];
    return spawn(node, [...args, '--state', this.#file('state')], { env, stdio });
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.#process!, 'exit');
    this.#process!.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
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

/** Some end by themselves meanwhile: the keeper is one of them. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}
