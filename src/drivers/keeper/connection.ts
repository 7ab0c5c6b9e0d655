import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname } from 'node:path';
import { SupertreeError } from '../../errors.js';
import { readStat } from '../proc/proc.js';
import type { KeeperAddress } from './launch.js';
import { toKeeper } from './protocol/codec.js';
import { Delivery, REPORT_STEP } from './protocol/delivery.js';
import { type FromKeeper, KEEPER_DIRECTORY, KEEPER_VERSION, LINK_VERSION, type ToKeeper } from './protocol/messages.js';
import { Wire, type WireListener } from './wire.js';

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
  /** The connection is lost. `reconnect` or `giveUp` is to follow. */
  cut(problem: string): void;
  /** The connection was given up, and nothing more follows. Called once. */
  closed(problem: string): void;
}

/**
 * Connects to a keeper that listens, and resolves when it has accepted the secret. Rejects KEEPER_UNAVAILABLE, also when it has not after `patience` ms: it
 * may be stopped by SIGSTOP. If not given, a minute.
 */
export async function connectToKeeper(keeper: KeeperAddress, patience = PATIENCE): Promise<KeeperConnection> {
  const connection = new KeeperConnection(keeper);
  const late = setTimeout(() => connection.giveUp(`it has not answered within ${patience} ms`), patience);
  await connection.welcomed.finally(() => clearTimeout(late));
  return connection;
}

const PATIENCE = 60_000;

/** How often the same part of the protocol is tried over another socket. */
const ATTEMPTS = 5;

/** False while the keeper has not made the directory of its socket anew; somebody else may have made it, and must not see the secret. */
function isOurs(directory: string): boolean {
  if (!basename(directory).startsWith(KEEPER_DIRECTORY)) return true;
  try {
    return lstatSync(directory).uid === process.geteuid?.();
  } catch {
    return false; // it is not there, or cannot be reached
  }
}

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
 * The connection of a program to its keeper, which goes over another socket when one is lost: what was sent and did not arrive is sent again, and so does the
 * keeper. The acknowledgements of the records that were read together are written together.
 */
export class KeeperConnection implements WireListener {
  readonly #keeper: KeeperAddress;
  readonly #link = randomUUID();
  readonly #delivery = new Delivery();
  readonly #unacknowledged = new Map<number, number>();
  #wire: Wire | null;
  /** The version of the keeper; 0 before it has said that. */
  #version = 0;
  /** The keeper has said how many messages it has, or never says that: others may be written. */
  #isLinked = false;
  /** How many messages the keeper had at the last connection, and at how many in a row it had the same, although there were more. */
  #receivedBefore = -1;
  #repetitions = 0;
  #attempts = 0;
  #listener: ConnectionListener | undefined;
  #welcome: Welcome | undefined;
  #isComplete = false;
  #isGivenUp = false;
  #isClosing = false;
  #keepsAlive = true;
  #problem = '';
  /** What an earlier program has left; complete with `welcomed`. */
  readonly estate: Estate = { entries: new Map(), agents: [] };
  /** Rejects KEEPER_UNAVAILABLE when it is given up before. */
  readonly welcomed: Promise<void>;
  #complete!: () => void;
  /** Rejects KEEPER_UNAVAILABLE when it is given up. */
  readonly ended: Promise<never>;
  #end!: (reason: SupertreeError) => void;
  #reconnected: (isLinked: boolean) => void = () => {};

  constructor(keeper: KeeperAddress) {
    this.#keeper = keeper;
    this.ended = new Promise((_, reject) => {
      this.#end = reject;
    });
    this.ended.catch(() => {}); // nobody waits for it once the program is welcome
    const complete = new Promise<void>((resolve) => {
      this.#complete = resolve;
    });
    this.welcomed = Promise.race([complete, this.ended]);
    this.#wire = this.#open();
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
    return this.#version;
  }

  send(message: ToKeeper): void {
    const bytes = toKeeper.encode(message);
    if (this.#mayReconnect) this.#delivery.add(bytes);
    if (this.#isLinked) this.#wire?.write(bytes);
  }

  /** Whether an open connection keeps this program alive. */
  keepAlive(isWanted: boolean): void {
    this.#keepsAlive = isWanted;
    this.#wire?.keepAlive(isWanted);
  }

  /** Goes on over another socket after a `cut`; resolves with false when the keeper cannot be reached now. */
  reconnect(): Promise<boolean> {
    if (!isOurs(dirname(this.#keeper.socket))) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#reconnected = resolve;
      this.#wire = this.#open();
    });
  }

  /** Closes it at once, for a problem that its `ended` and `closed` report; what has come and is not handled is lost. */
  giveUp(problem: string): void {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#problem = problem;
    if (this.#wire === null) this.#over();
    else this.#wire.destroy();
  }

  /**
   * Closes it after what was sent. A keeper without a program ends its agents and then itself. It closes the other half: if that was closed here, a keeper
   * that is just writing would get EPIPE, and not read the `end` any more.
   */
  close(): void {
    this.#isClosing = true;
    if (this.#isLinked) this.#wire?.end();
  }

  message(message: FromKeeper): void {
    if (message.type === 'linked') return this.#goOn(message.received);
    if (message.type === 'received') return this.#confirm(message.count);
    if (!this.#isLinked) return this.#refused(message);
    this.#handle(message);
    this.#delivery.count();
  }

  /** Reports to the keeper how many of its messages have come: together with acknowledgements, which are written anyway, otherwise once for `REPORT_STEP` messages. */
  read(): void {
    const step = this.#unacknowledged.size > 0 ? 1 : REPORT_STEP;
    for (const [agent, record] of this.#unacknowledged) this.send({ type: 'acknowledge', agent, record });
    this.#unacknowledged.clear();
    const count = this.#mayReconnect ? this.#delivery.takeReport(step) : null;
    if (count !== null) this.#wire?.write(toKeeper.encode({ type: 'received', count }));
    if (this.#isComplete) this.#complete();
  }

  violated(problem: string): void {
    if (this.#isComplete) this.#complete();
    this.giveUp(`it broke the protocol: ${problem}`);
  }

  /** In the midst of what an earlier program has left, it goes on at once. */
  closed({ problem, isOpened }: Wire): void {
    const isCut = this.#isLinked;
    this.#wire = null;
    this.#isLinked = false;
    this.#reconnected(false);
    if (this.#isGivenUp) this.#over();
    else if (!this.#isComplete && isOpened && this.#attempts < ATTEMPTS) this.#wire = this.#open();
    else if (!this.#isComplete || !this.#mayReconnect) this.giveUp(problem);
    else if (isCut) this.#listener?.cut(problem);
  }

  greeted(version: number): Uint8Array[] {
    this.#version = version;
    const hello = { type: 'hello', secret: this.#keeper.secret, pid: process.pid } as const;
    this.#isLinked = !this.#mayReconnect;
    const messages = this.#mayReconnect ? [this.#linkMessage(), hello] : [hello];
    return messages.map((message) => toKeeper.encode(message));
  }

  /** Not with an older keeper, nor with a newer one: messages of that which this release does not know are not counted. */
  get #mayReconnect(): boolean {
    return this.#version >= LINK_VERSION && this.#version <= KEEPER_VERSION;
  }

  #open(): Wire {
    this.#attempts += 1;
    const wire = new Wire(this.#keeper.socket, this);
    wire.keepAlive(this.#keepsAlive);
    return wire;
  }

  #linkMessage(): ToKeeper {
    const { pid: thread, startTicks: ticks } = readStat('thread-self') ?? { pid: 0, startTicks: 0 };
    return { type: 'link', link: this.#link, thread, ticks, received: this.#delivery.received };
  }

  /** Both have said what they have: what the keeper does not have is sent again. */
  #goOn(received: number): void {
    this.#confirm(received);
    const isRepeated = received === this.#receivedBefore && this.#delivery.unconfirmed.length > 0;
    this.#repetitions = isRepeated ? this.#repetitions + 1 : 0;
    this.#receivedBefore = received;
    if (this.#repetitions === ATTEMPTS) this.giveUp('it closes the connection at the same message each time');
    if (this.#isGivenUp) return;
    this.#isLinked = true;
    for (const message of this.#delivery.unconfirmed) this.#wire?.write(message);
    if (this.#isClosing) this.#wire?.end();
    this.#reconnected(true);
  }

  #over(): void {
    this.#end(new SupertreeError('KEEPER_UNAVAILABLE', { problem: this.#problem }));
    this.#listener?.closed(this.#problem);
  }

  #confirm(count: number): void {
    if (!this.#delivery.confirm(count)) this.violated(`it has ${count} messages, and there were not so many`);
  }

  #refused(message: FromKeeper): void {
    if (message.type === 'problem') this.giveUp(`it refused the connection: ${message.text}`);
    else this.giveUp(`it sent ${message.type} before its welcome`);
  }

  #handle(message: FromKeeper): void {
    if (this.#welcome === undefined) {
      if (message.type === 'welcome') this.#welcome = message;
      else this.#refused(message);
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
}
