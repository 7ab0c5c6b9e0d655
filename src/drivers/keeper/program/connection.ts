import { timingSafeEqual } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { messageOf, SupertreeError } from '../../../errors.js';
import { fromKeeper, GREETING, MessageReader, toKeeper } from '../protocol/codec.js';
import { type FromKeeper, KEEPER_DIRECTORY, type KeeperSettings, type ToKeeper } from '../protocol/messages.js';
import type { Outlet } from './outbox.js';
import { type Delivered, type Hello, type LinkMessage, ProgramLink } from './program-link.js';

/** What the keeper does with its connection. */
export interface ConnectionListener {
  /** A program has shown the secret and got its welcome. */
  welcomed(): void;
  /** A message after the `hello`. */
  message(message: Delivered): void;
  /** Records can be sent again. */
  drained(): void;
  /** The program above is gone, for whatever reason. */
  closed(): void;
}

/**
 * The connection to the program above: the first one that knows the secret. Another one waits for the end of that, but not for long. A program that lives and has
 * lost its connection may connect again, and its link goes on.
 */
export class Connection implements Outlet {
  readonly #settings: KeeperSettings;
  readonly #welcome: FromKeeper;
  readonly #listener: ConnectionListener;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #program: ProgramLink | undefined;
  /** What programs have said before their `hello`. */
  readonly #links = new WeakMap<Socket, LinkMessage>();
  /** Programs that know the secret and wait for the end of the one that is connected. */
  readonly #successors = new Map<Socket, Hello>();
  /** The socket, or the directory that was made for it; removed at the end. */
  #place: string | null = null;
  /** The last program that was connected; 0 before the first. */
  #pid = 0;

  /** `welcome` is the answer to the right secret. */
  constructor(settings: KeeperSettings, welcome: FromKeeper, listener: ConnectionListener) {
    this.#settings = settings;
    this.#welcome = welcome;
    this.#listener = listener;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens on a socket of mode 0600, that of the settings or one in a new directory; resolves with its path. Rejects KEEPER_UNAVAILABLE. */
  listen(): Promise<string> {
    const { keep } = this.#settings;
    return keep === null ? this.#listenAnywhere() : this.#listenAt(keep);
  }

  /** Listens anew at its path: its socket may have been deleted, with the directory that was made for it. Rejects when that cannot be. */
  async listenAnew(): Promise<void> {
    this.#server.close();
    if (this.#settings.keep !== null) return void (await this.#listenAt(this.#settings.keep));
    mkdirSync(this.#place!, { mode: 0o700 });
    await this.#listenOn(join(this.#place!, SOCKET));
  }

  /** A socket that is there is one of a keeper that has ended. */
  async #listenAt(path: string): Promise<string> {
    rmSync(path, { force: true });
    this.#place = path;
    try {
      await this.#listenOn(path);
    } catch (thrown) {
      throw new SupertreeError('KEEPER_UNAVAILABLE', { problem: `no socket at ${path}: ${messageOf(thrown)}` });
    }
    return path;
  }

  async #listenAnywhere(): Promise<string> {
    const problems: string[] = [];
    for (const parent of socketParents()) {
      try {
        this.#place = mkdtempSync(join(parent, KEEPER_DIRECTORY));
        const path = join(this.#place, SOCKET);
        await this.#listenOn(path);
        return path;
      } catch (thrown) {
        problems.push(messageOf(thrown));
        this.#removePlace();
      }
    }
    throw new SupertreeError('KEEPER_UNAVAILABLE', { problem: `no directory for its socket: ${problems.join('; ')}` });
  }

  get isOpen(): boolean {
    return this.#program !== undefined;
  }

  /** True once a program was connected. */
  get wasOpen(): boolean {
    return this.#pid > 0;
  }

  get isCongested(): boolean {
    return this.#program?.isCongested === true;
  }

  send(record: Buffer): void {
    this.#program?.send(record);
  }

  /** Sends what waits, then closes, and removes the socket with its directory, which the program above may not live to do. */
  close(): void {
    if (this.#program?.isConnected === false) this.#program = undefined;
    this.#server.close(() => this.#removePlace());
    for (const socket of this.#sockets) {
      if (this.#program?.isAt(socket)) socket.end();
      else socket.destroy();
    }
  }

  #listenOn(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const mask = process.umask(0o177);
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
      process.umask(mask);
    });
  }

  #removePlace(): void {
    if (this.#place !== null) rmSync(this.#place, { recursive: true, force: true });
    this.#place = null;
  }

  #accept(socket: Socket): void {
    const reader = new MessageReader(toKeeper);
    this.#sockets.add(socket);
    socket.write(GREETING);
    socket.on('error', () => socket.destroy());
    socket.on('drain', () => this.#listener.drained());
    socket.on('data', (bytes) => {
      for (const message of reader.push(bytes)) this.#receive(socket, message);
      if (reader.problem !== null) this.#refuse(socket, reader.problem);
    });
    socket.on('close', () => this.#closed(socket));
  }

  #receive(socket: Socket, message: ToKeeper): void {
    if (this.#program?.isAt(socket)) return this.#deliver(socket, this.#program, message);
    if (message.type === 'link') return void this.#links.set(socket, message);
    if (message.type !== 'hello' || !isEqual(message.secret, this.#settings.secret))
      return this.#refuse(socket, 'the secret is wrong');
    const link = this.#links.get(socket);
    if (link && this.#program?.isOf(link)) return this.#reconnect(socket, this.#program, link);
    if (link && link.received > 0) return this.#refuse(socket, 'its link is over');
    if (this.#program) this.#wait(socket, message);
    else this.#open(socket, message);
  }

  #deliver(socket: Socket, program: ProgramLink, message: ToKeeper): void {
    const isFit = program.receive(message, (each) => this.#listener.message(each));
    if (!isFit) this.#refuse(socket, `${message.type} is not expected`);
  }

  #reconnect(socket: Socket, program: ProgramLink, { received }: LinkMessage): void {
    if (program.connect(socket, received)) this.#listener.drained();
    else this.#refuse(socket, 'it has not got so many messages');
  }

  /**
   * 1. A program ends, and its successor connects at once.
   * 2. The keeper was busy, or stopped, and finds both at the same time: it may read the `hello` of the successor first.
   * 3. So the successor is refused only when the connection of the other one is still open after a while.
   */
  #wait(socket: Socket, hello: Hello): void {
    this.#successors.set(socket, hello);
    setTimeout(() => {
      if (this.#successors.delete(socket)) this.#refuse(socket, `process ${this.#pid} is connected`);
    }, SUCCESSION).unref();
  }

  #open(socket: Socket, hello: Hello): void {
    this.#program = new ProgramLink(hello, this.#links.get(socket) ?? null);
    this.#pid = hello.pid;
    this.#program.connect(socket, 0);
    this.send(fromKeeper.encode(this.#welcome));
    this.#listener.welcomed();
  }

  /** A refusal on the connection of the present program counts as a message of its link. */
  #refuse(socket: Socket, text: string): void {
    if (!socket.writable) return;
    const message = fromKeeper.encode({ type: 'problem', text });
    if (this.#program?.isAt(socket)) this.#program.send(message);
    else socket.write(message);
    socket.end();
    socket.destroySoon();
  }

  #closed(socket: Socket): void {
    this.#sockets.delete(socket);
    this.#successors.delete(socket);
    if (!this.#program?.isAt(socket)) return;
    this.#program.disconnect();
    if (this.#program.mayReturn) this.#listenAgain();
    this.#awaitReturn(this.#program);
  }

  /** A program that is killed loses its connection first, and a worker thread that is ended as well: each is looked at until it is gone, or back. */
  #awaitReturn(program: ProgramLink): void {
    if (program !== this.#program || program.isConnected) return;
    if (program.mayReturn) return void setTimeout(() => this.#awaitReturn(program), RETURN_PERIOD);
    this.#program = undefined;
    this.#listener.closed();
    const [next] = this.#successors;
    if (next && this.#successors.delete(next[0])) this.#open(...next);
  }

  /** The program has removed the directory that was made for the socket. Where it cannot be made anew, the program gives up after a while, and ends this keeper. */
  #listenAgain(): void {
    if (this.#place !== null && !existsSync(this.#place)) this.listenAnew().catch(() => {});
  }
}

/** Where the directory of the socket may be made. The path of a socket is short, and of these variables only absolute paths are valid. */
function socketParents(): string[] {
  const parents = [process.env.XDG_RUNTIME_DIR ?? '', tmpdir(), '/tmp'];
  const length = (parent: string) => Buffer.byteLength(join(parent, `${KEEPER_DIRECTORY}XXXXXX`, SOCKET));
  return parents.filter((parent) => isAbsolute(parent) && length(parent) <= SOCKET_PATH_LIMIT);
}

const SOCKET = 'keeper.sock';

/** How often a program that has lost its connection is looked at, in ms. */
const RETURN_PERIOD = 20;

/** How long a program waits for the end of the one that is connected, in ms. */
const SUCCESSION = 2000;

/** The longest path of a socket on Linux, without the null byte at its end (unix(7)). */
const SOCKET_PATH_LIMIT = 107;

function isEqual(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
