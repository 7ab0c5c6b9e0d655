import { timingSafeEqual } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { messageOf, SupertreeError } from '../../../errors.js';
import { fromKeeper, GREETING, MessageReader, toKeeper } from '../protocol/codec.js';
import { type FromKeeper, KEEPER_DIRECTORY, type KeeperSettings, type ToKeeper } from '../protocol/messages.js';
import type { Outlet } from './outbox.js';

/** What the keeper does with its connection. */
export interface ConnectionListener {
  /** A program has shown the secret and got its welcome. */
  welcomed(): void;
  /** A message after the `hello`. */
  message(message: ToKeeper): void;
  /** Records can be sent again. */
  drained(): void;
  /** The program above is gone, for whatever reason. */
  closed(): void;
}

/** The connection to the program above: the first one that knows the secret. Another one waits for the end of that, but not for long. */
export class Connection implements Outlet {
  readonly #settings: KeeperSettings;
  readonly #welcome: FromKeeper;
  readonly #listener: ConnectionListener;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #program: Socket | undefined;
  /** Programs that know the secret and wait for the end of the one that is connected, with their pids. */
  readonly #successors = new Map<Socket, number>();
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

  /** Listens anew at the path of the settings: its socket may have been deleted. Rejects KEEPER_UNAVAILABLE. */
  async listenAnew(): Promise<void> {
    this.#server.close();
    if (this.#settings.keep !== null) await this.#listenAt(this.#settings.keep);
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
    return this.#program?.writableNeedDrain === true;
  }

  send(record: Buffer): void {
    this.#program?.write(record);
  }

  /** Sends what waits, then closes, and removes the socket with its directory, which the program above may not live to do. */
  close(): void {
    this.#server.close(() => this.#removePlace());
    for (const socket of this.#sockets) {
      if (socket === this.#program) socket.end();
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
      if (reader.problem !== null) refuse(socket, reader.problem);
    });
    socket.on('close', () => this.#closed(socket));
  }

  #receive(socket: Socket, message: ToKeeper): void {
    if (socket === this.#program) return this.#listener.message(message);
    if (message.type !== 'hello' || !isEqual(message.secret, this.#settings.secret))
      return refuse(socket, 'the secret is wrong');
    if (this.#program) this.#wait(socket, message.pid);
    else this.#open(socket, message.pid);
  }

  /**
   * 1. A program ends, and its successor connects at once.
   * 2. The keeper was busy, or stopped, and finds both at the same time: it may read the `hello` of the successor first.
   * 3. So the successor is refused only when the connection of the other one is still open after a while.
   */
  #wait(socket: Socket, pid: number): void {
    this.#successors.set(socket, pid);
    setTimeout(() => {
      if (this.#successors.delete(socket)) refuse(socket, `process ${this.#pid} is connected`);
    }, SUCCESSION).unref();
  }

  #open(socket: Socket, pid: number): void {
    this.#program = socket;
    this.#pid = pid;
    this.send(fromKeeper.encode(this.#welcome));
    this.#listener.welcomed();
  }

  #closed(socket: Socket): void {
    this.#sockets.delete(socket);
    this.#successors.delete(socket);
    if (socket !== this.#program) return;
    this.#program = undefined;
    this.#listener.closed();
    const [next] = this.#successors;
    if (next && this.#successors.delete(next[0])) this.#open(...next);
  }
}

/** Where the directory of the socket may be made. The path of a socket is short, and of these variables only absolute paths are valid. */
function socketParents(): string[] {
  const parents = [process.env.XDG_RUNTIME_DIR ?? '', tmpdir(), '/tmp'];
  const length = (parent: string) => Buffer.byteLength(join(parent, `${KEEPER_DIRECTORY}XXXXXX`, SOCKET));
  return parents.filter((parent) => isAbsolute(parent) && length(parent) <= SOCKET_PATH_LIMIT);
}

const SOCKET = 'keeper.sock';

/** How long a program waits for the end of the one that is connected, in ms. */
const SUCCESSION = 2000;

/** The longest path of a socket on Linux, without the null byte at its end (unix(7)). */
const SOCKET_PATH_LIMIT = 107;

function refuse(socket: Socket, text: string): void {
  if (!socket.writable) return;
  socket.end(fromKeeper.encode({ type: 'problem', text }));
  socket.destroySoon();
}

function isEqual(given: string, secret: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(secret)];
  return a.length === b.length && timingSafeEqual(a, b);
}
