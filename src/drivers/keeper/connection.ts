import { connect, type Socket } from 'node:net';
import { SupertreeError } from '../../errors.js';
import { answerTo, fromKeeper, MessageReader, toKeeper } from './protocol/codec.js';
import type { FromKeeper, ToKeeper } from './protocol/messages.js';

export type Welcome = Extract<FromKeeper, { type: 'welcome' }>;

/** A message about an agent, which is kept by the keeper until it is acknowledged. */
export type KeeperRecord = Extract<FromKeeper, { record: number }>;

/** Output of an adopted agent from before its adoption. */
export type HistoryPart = Extract<FromKeeper, { type: 'history' }>;

/** An agent that an earlier program has started. */
export type KeptAgent = Extract<FromKeeper, { type: 'kept' }>;

/** What an earlier program has left with its keeper. */
export interface Estate {
  readonly entries: Map<string, Uint8Array>;
  readonly agents: KeptAgent[];
}

/** The receiver of what comes through a connection. */
export interface ConnectionListener {
  /** False when it is to be acknowledged later, by `acknowledge`. */
  record(record: KeeperRecord): boolean;
  /** The answer to a `ping`. */
  pong(round: number): void;
  history(part: HistoryPart): void;
  /** The keeper reports a problem that belongs to no agent. */
  problem(text: string): void;
  /** The connection is closed, and nothing more follows. Called once, also after `close`. */
  closed(problem: string): void;
}

/**
 * Connects to a keeper that listens, and resolves when it has accepted the secret. Rejects KEEPER_UNAVAILABLE, also when it has not after `patience` ms: it
 * may be stopped by SIGSTOP. If not given, a minute.
 */
export async function connectToKeeper(
  keeper: { socket: string; secret: string },
  patience = PATIENCE,
): Promise<KeeperConnection> {
  const socket = connect(keeper.socket);
  const connection = new KeeperConnection(socket, keeper.secret);
  const late = setTimeout(() => connection.giveUp(`it has not answered within ${patience} ms`), patience);
  await connection.welcomed.finally(() => clearTimeout(late));
  return connection;
}

const PATIENCE = 60_000;

/** Whether a newer keeper understands this release is for that to say. */
const NEWEST = 255;

/** For how long the messages of a keeper are handled in one turn of the event loop, in ms. */
const TURN = 4;

/** True when a keeper listens at the path. Rejects KEEPER_UNAVAILABLE when that cannot be told. */
export function isListening(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(false);
      else reject(new SupertreeError('KEEPER_UNAVAILABLE', { problem: error.message }, error));
    });
  });
}

/**
 * The connection of a program to its keeper. The messages of one turn of the event loop are written together, and so are the acknowledgements of the
 * records that were read together.
 */
export class KeeperConnection {
  readonly #socket: Socket;
  readonly #secret: string;
  readonly #reader = new MessageReader(fromKeeper, { newest: NEWEST });
  #hasGreeted = false;
  readonly #unacknowledged = new Map<number, number>();
  #listener: ConnectionListener | undefined;
  #welcome: Welcome | undefined;
  #isComplete = false;
  /** Resolves when what has come is handled, which may take several turns of the event loop. */
  #reading: Promise<void> = Promise.resolve();
  #isGivenUp = false;
  /** What an earlier program has left; complete with `welcomed`. */
  readonly estate: Estate = { entries: new Map(), agents: [] };
  #isCorked = false;
  #problem = 'its connection was closed';
  /** Rejects KEEPER_UNAVAILABLE when the connection is closed before. */
  readonly welcomed: Promise<void>;
  /** Rejects KEEPER_UNAVAILABLE when the connection is closed. */
  readonly ended: Promise<never>;

  /** It shows the secret when the keeper has said its version. */
  constructor(socket: Socket, secret: string) {
    this.#socket = socket;
    this.#secret = secret;
    this.ended = new Promise((_, reject) => {
      socket.on('close', async () => {
        await this.#reading;
        reject(new SupertreeError('KEEPER_UNAVAILABLE', { problem: this.#problem }));
        this.#listener?.closed(this.#problem);
      });
    });
    this.ended.catch(() => {}); // nobody waits for it once the program is welcome
    const complete = new Promise<void>((resolve) => {
      socket.on('data', async (bytes) => {
        this.#reading = this.#reading.then(() => this.#read(bytes));
        await this.#reading;
        if (this.#isComplete) resolve();
      });
    });
    this.welcomed = Promise.race([complete, this.ended]);
    socket.on('error', (error) => {
      this.#problem = `its connection failed: ${error.message}`;
    });
  }

  /** The listener of all that follows. Set in the turn in which `welcomed` resolves, before the first record can come. */
  set listener(listener: ConnectionListener) {
    this.#listener = listener;
  }

  /** The pid of the keeper, and what it can do. */
  get welcome(): Welcome {
    return this.#welcome!;
  }

  /** The version of the keeper. */
  get version(): number {
    return this.#reader.version!;
  }

  send(message: ToKeeper): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(toKeeper.encode(message));
  }

  /** Whether an open connection keeps this program alive. */
  keepAlive(isWanted: boolean): void {
    if (isWanted) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Closes it at once, for a problem that its `ended` and `closed` report; what has come and is not handled is lost. */
  giveUp(problem: string): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#problem = problem;
    this.#socket.destroy();
  }

  /**
   * Closes it after what was sent. A keeper without a program ends its agents and then itself. It closes the other half: if that was closed here, a keeper
   * that is just writing would get EPIPE, and not read the `end` any more.
   */
  close(): void {
    this.#socket.end();
  }

  /**
   * Microtasks run between two messages, as they do between two reads of a pipe: the line that makes an agent ready comes before its exit in the same read.
   * One read can have a thousand messages, which take longer than the loop may be blocked: they are handled in turns, and nothing is read meanwhile.
   */
  async #read(bytes: Buffer): Promise<void> {
    let until = performance.now() + TURN;
    for (const message of this.#reader.push(bytes)) {
      this.#handle(message);
      await null;
      if (performance.now() > until) {
        await this.#nextTurn();
        until = performance.now() + TURN;
      }
      if (this.#isGivenUp) return;
    }
    if (this.#socket.isPaused()) this.#socket.resume();
    if (!this.#hasGreeted && this.#reader.version !== null) this.#greet(this.#reader.version);
    if (this.#reader.problem !== null) return this.giveUp(`it broke the protocol: ${this.#reader.problem}`);
    for (const [agent, record] of this.#unacknowledged) this.send({ type: 'acknowledge', agent, record });
    this.#unacknowledged.clear();
  }

  /**
   * An older keeper refuses any version but its own, so that is answered. The `hello` is written together with it: a keeper that refuses the version closes the
   * connection, and a later write would fail before its reason was read.
   */
  #greet(version: number): void {
    this.#hasGreeted = true;
    this.#socket.cork();
    this.#socket.write(answerTo(version));
    this.send({ type: 'hello', secret: this.#secret, pid: process.pid });
    this.#socket.uncork();
  }

  #handle(message: FromKeeper): void {
    if (this.#welcome === undefined) {
      if (message.type === 'welcome') this.#welcome = message;
      else if (message.type === 'problem') this.giveUp(`it refused the connection: ${message.text}`);
      else this.giveUp(`it sent ${message.type} before its welcome`);
    } else if ('record' in message) {
      if (this.#listener?.record(message) !== false) this.#unacknowledged.set(message.agent, message.record);
    } else this.#handleOther(message);
  }

  #handleOther(message: Exclude<FromKeeper, KeeperRecord>): void {
    switch (message.type) {
      case 'problem':
        return this.#listener?.problem(message.text);
      case 'pong':
        return this.#listener?.pong(message.round);
      case 'history':
        return this.#listener?.history(message);
      case 'kept':
        return void this.estate.agents.push(message);
      case 'remembered':
        return void this.estate.entries.set(message.key, message.value);
      case 'complete':
        this.#isComplete = true;
    }
  }

  #nextTurn(): Promise<void> {
    this.#socket.pause();
    return new Promise((resolve) => setImmediate(resolve));
  }
}
