import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromKeeper, GREETING, MessageReader, toKeeper } from '../../../src/drivers/keeper/protocol/codec.js';
import type { FromKeeper, KeeperReady, ToKeeper } from '../../../src/drivers/keeper/protocol/messages.js';
import { ROOT } from '../../program.js';

export const PROGRAM = join(ROOT, 'dist/drivers/keeper/program/main.cjs');

type Start = Extract<ToKeeper, { type: 'start' }>;
export type Of<Type extends FromKeeper['type']> = Extract<FromKeeper, { type: Type }>;

export interface ClientOptions {
  /** Words before the command, such as `sh -c 'ulimit ...; exec "$0" "$@"'`. */
  readonly prefix?: readonly string[];
  /** Acknowledges each record when it arrives. If not given, true. */
  readonly acknowledges?: boolean;
  /** The path of the socket of a keeper that keeps. If not given, it ends its agents with its program. */
  readonly keep?: string;
}

/** A keeper in a process of its own, and a client of its protocol. */
export class ProgramClient {
  /** For the agents. */
  readonly directory = mkdtempSync(join(tmpdir(), 'supertree-client-'));
  readonly keeper: ChildProcess;
  readonly messages: FromKeeper[] = [];
  readonly ended: Promise<number | null>;
  readonly #acknowledges: boolean;
  socket!: Socket;
  /** Called with each message, after it was sent or before it is received: true closes the connection then. */
  failpoint: ((direction: 'to' | 'from', message: ToKeeper | FromKeeper) => boolean) | null = null;
  #isCut = false;
  /** That of the socket. */
  path = '';
  #waiting: (() => void)[] = [];

  private constructor({ prefix = [], acknowledges = true }: ClientOptions) {
    const [command, ...args] = [...prefix, process.execPath, PROGRAM];
    this.#acknowledges = acknowledges;
    this.keeper = spawn(command!, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = once(this.keeper, 'exit').then(([code]) => {
      // Also when the test has failed, or has killed the keeper.
      rmSync(this.directory, { recursive: true, force: true });
      return code as number | null;
    });
  }

  static async open(options: ClientOptions = {}): Promise<ProgramClient> {
    const client = new ProgramClient(options);
    const { keep = null } = options;
    client.keeper.stdin!.write(`${JSON.stringify({ secret: 'secret', tree: 'test', keep, native: true })}\n`);
    const [printed] = (await once(client.keeper.stdout!, 'data')) as [Buffer];
    const ready = JSON.parse(printed.toString()) as KeeperReady;
    if (ready.problem !== null) throw new Error(ready.problem);
    client.path = ready.socket;
    client.socket = client.connect('secret', (message) => client.#receive(message));
    await client.find('welcome');
    return client;
  }

  get pid(): number {
    return this.keeper.pid!;
  }

  /** Opens a connection and says hello. */
  connect(secret: string, receive: (message: FromKeeper) => void): Socket {
    const socket = connect(this.path);
    const reader = new MessageReader(fromKeeper);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      for (const message of reader.push(bytes)) receive(message);
    });
    socket.write(GREETING);
    this.#write(socket, { type: 'hello', secret, pid: process.pid });
    return socket;
  }

  send(message: ToKeeper): void {
    this.#write(this.socket, message);
  }

  /** Resolves when the failpoint has closed the connection of the present program. */
  async whenCut(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, 'close');
  }

  /** Starts `sh -c SCRIPT` as an agent. */
  start(agent: number, script: string, order: Partial<Start> = {}): void {
    this.startCommand(agent, ['sh', '-c', script], order);
  }

  startCommand(agent: number, argv: readonly string[], order: Partial<Start> = {}): void {
    const env = block([`PATH=${process.env.PATH}`, `TMPDIR=${this.directory}`, `SUPERTREE_TOKEN=token-${agent}`]);
    const stages = { signal: 15, ask: 5000, insist: 5000 };
    const kept = { path: `root/a${agent}`, incarnation: 1, history: 65_536, lineBytes: 65_536 };
    const rest = {
      ...kept,
      env,
      cwd: null,
      token: `token-${agent}`,
      stdin: 'pipe',
      columns: 80,
      rows: 24,
      owner: null,
      merged: false,
      closeInput: 0,
      mainOnly: false,
      notify: false,
      umask: null,
      nice: null,
      oomScoreAdj: null,
      socket: '',
      ...stages,
    };
    this.send({ type: 'start', agent, argv: block(argv), ...rest, ...order });
  }

  /** The first message of this type, about this agent if one is given, which may still come. */
  async find<T extends FromKeeper['type']>(type: T, agent?: number): Promise<Of<T>> {
    for (;;) {
      const found = this.all(type, agent)[0];
      if (found) return found;
      if (this.#isCut) throw new Cut();
      await this.arrival();
    }
  }

  all<T extends FromKeeper['type']>(type: T, agent?: number): Of<T>[] {
    const isOf = (message: FromKeeper) => agent === undefined || ('agent' in message && message.agent === agent);
    return this.messages.filter((message): message is Of<T> => message.type === type && isOf(message));
  }

  /** Resolves when no process of the agent is left. */
  async gone(agent: number): Promise<void> {
    const { isEmpty } = await this.find('exited', agent);
    if (!isEmpty) await this.find('gone', agent);
  }

  /** Resolves when a message has arrived. */
  arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** What the agent has printed to standard output. */
  printed(agent: number): string {
    const bytes = this.all('output', agent).flatMap((output) => (output.stream === 1 ? [output.bytes] : []));
    return Buffer.concat(bytes).toString();
  }

  /** Breaks the connection as a program that is killed does; a successor may connect then. */
  async abandon(): Promise<void> {
    this.socket.destroy();
    await once(this.socket, 'close');
  }

  /** Connects as another program, and resolves when it has what the earlier one left. Earlier messages are forgotten. */
  async succeed(): Promise<void> {
    this.messages.length = 0;
    this.#isCut = false;
    this.socket = this.connect('secret', (message) => this.#receive(message));
    await this.find('complete');
  }

  /** The history of the standard output of an agent: the number of lost lines, and the text. */
  history(agent: number): { lost: number; text: string } {
    const parts = this.all('history', agent).filter(({ stream }) => stream === 1);
    return { lost: parts[0]?.lost ?? -1, text: Buffer.concat(parts.map(({ bytes }) => bytes)).toString() };
  }

  /** Closes the connection and resolves with the exit code of the keeper. */
  async close(): Promise<number | null> {
    if (this.socket.writable) this.send({ type: 'end' });
    this.socket.end();
    return this.ended;
  }

  #write(socket: Socket, message: ToKeeper): void {
    if (this.#isCut) return;
    const isCut = this.failpoint?.('to', message) === true;
    socket.write(toKeeper.encode(message), () => isCut && this.#cut(socket, message.type === 'end'));
    if (!isCut) return;
    this.#isCut = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** `isDone`: the program waits until the keeper has closed its half. */
  #cut(socket: Socket, isDone = false): void {
    this.#isCut = true;
    if (isDone) socket.end();
    else socket.destroy();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #receive(message: FromKeeper): void {
    if (this.#isCut) return;
    if (this.failpoint?.('from', message)) return this.#cut(this.socket);
    this.messages.push(message);
    if (this.#acknowledges && 'record' in message)
      this.send({ type: 'acknowledge', agent: message.agent, record: message.record });
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The failpoint has closed the connection. */
export class Cut extends Error {}

/** Strings of C, one after another. */
export function block(strings: readonly string[]): Buffer {
  return Buffer.from(strings.map((text) => `${text}\0`).join(''));
}

/** True while there is such a process, even a defunct one. */
export function exists(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** The resident memory of a process in bytes. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
