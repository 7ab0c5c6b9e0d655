import type { Socket } from 'node:net';
import { isDefunct, type ProcStat, readStat } from '../../proc/proc.js';
import { fromKeeper } from '../protocol/codec.js';
import { Delivery, REPORT_STEP } from '../protocol/delivery.js';
import type { FromKeeper, ToKeeper } from '../protocol/messages.js';

export type Hello = Extract<ToKeeper, { type: 'hello' }>;

/** What a program says that is not about the link itself. */
export type Delivered = Exclude<ToKeeper, { type: 'link' | 'received' }>;

export type LinkMessage = Extract<ToKeeper, { type: 'link' }>;

/** The link to the program above. Its connection may break while the program lives: then it waits for the next one, and keeps what it has to say. */
export class ProgramLink {
  readonly pid: number;
  readonly #id: string | null;
  /** The thread of the program whose link it is; `undefined` when that never connects again. */
  readonly #thread: ProcStat | undefined;
  readonly #delivery = new Delivery();
  #socket: Socket | null = null;
  #isDone = false;

  /** `link`: what the program has said before its `hello`; `null` for one that never connects again. */
  constructor({ pid }: Hello, link: LinkMessage | null) {
    this.pid = pid;
    this.#id = link?.link ?? null;
    const stat = link === null ? undefined : readStat(link.thread);
    this.#thread = stat?.startTicks === link?.ticks ? stat : undefined;
  }

  /** Whether the program may connect again. */
  get mayReturn(): boolean {
    if (this.#thread === undefined || this.#isDone) return false;
    const stat = readStat(this.#thread.pid);
    return stat !== undefined && stat.startTicks === this.#thread.startTicks && !isDefunct(stat);
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  get isCongested(): boolean {
    return this.#socket === null || this.#socket.writableNeedDrain;
  }

  /** Whether it is a connection of the same program that says this. */
  isOf(link: LinkMessage): boolean {
    return link.link === this.#id;
  }

  /** Whether this is its present connection. */
  isAt(socket: Socket): boolean {
    return socket === this.#socket;
  }

  /** It has a connection, at whose other end so many of its messages have come. False when that cannot be. */
  connect(socket: Socket, received: number): boolean {
    if (!this.#delivery.confirm(received)) return false;
    this.#socket?.destroy();
    this.#socket = socket;
    if (this.#id !== null) this.#write({ type: 'linked', received: this.#delivery.received });
    for (const message of this.#delivery.unconfirmed) socket.write(message);
    return true;
  }

  disconnect(): void {
    this.#socket = null;
  }

  send(message: Buffer): void {
    if (this.#id !== null) this.#delivery.add(message);
    this.#socket?.write(message);
  }

  /** Hands over a message of the program, unless it is about the link. False when it breaks the protocol. */
  receive(message: ToKeeper, handle: (message: Delivered) => void): boolean {
    if (message.type === 'link') return false;
    if (message.type === 'received') return this.#delivery.confirm(message.count);
    if (message.type === 'end') this.#isDone = true;
    handle(message);
    this.#delivery.count();
    const count = this.#id === null ? null : this.#delivery.takeReport(REPORT_STEP);
    if (count !== null) this.#write({ type: 'received', count });
    return true;
  }

  /** Sends what waits, then closes. */
  end(): void {
    this.#socket?.end();
  }

  #write(message: FromKeeper): void {
    this.#socket?.write(fromKeeper.encode(message));
  }
}
