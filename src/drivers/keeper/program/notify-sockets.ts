import { closeSync } from 'node:fs';
import { type Datagram, openDatagrams, readable, receive } from '../native/datagrams.js';

/** The receiver of what comes through the socket of one agent. */
export interface NotifyListener {
  /** Whether a process is of the agent; `undefined` when it has ended. */
  isOwn(pid: number): boolean | undefined;
  /** The assignments of one datagram, each ended by a line end. */
  message(bytes: Uint8Array): void;
  /** False while there is no room for messages: senders wait, or get EAGAIN. */
  mayRead(): boolean;
  /** Called once, when a process that is not of the agent has sent something. */
  problem(text: string): void;
}

/** The socket to which one agent sends the messages of sd_notify(3). */
export interface NotifySocket {
  /** There is room for messages again. */
  readOn(): void;
  /** Idempotent. */
  close(): void;
}

/**
 * The sockets of all agents. The kernel sends SIGIO when a datagram comes, and merges signals: at each, all sockets are asked which of them have something.
 */
export class NotifySockets {
  readonly #receivers = new Map<number, Receiver>();

  constructor() {
    process.on('SIGIO', () => this.read());
  }

  /** Opens the socket of an agent with the abstract name `socket`; returns the errno when that fails. */
  open({ agent, socket }: { agent: number; socket: string }, listener: NotifyListener): NotifySocket | number {
    const descriptor = openDatagrams(socket);
    if (descriptor < 0) return -descriptor;
    const receiver = new Receiver(agent, listener);
    this.#receivers.set(descriptor, receiver);
    return {
      readOn: () => {
        if (receiver.isPaused) this.#receive(descriptor);
      },
      close: () => {
        if (this.#receivers.delete(descriptor)) closeSync(descriptor);
      },
    };
  }

  /** Receives what has come. */
  read(): void {
    if (this.#receivers.size === 0) return;
    for (const descriptor of readable([...this.#receivers.keys()])) this.#receive(descriptor);
  }

  /** At most so many of one socket in a turn. No signal follows for those that are left. */
  #receive(descriptor: number): void {
    const receiver = this.#receivers.get(descriptor);
    for (let count = 0; count < MOST_AT_ONCE; count++) {
      if (receiver?.mayRead() !== true) return;
      const datagram = receive(descriptor);
      if (datagram === null) return;
      receiver.take(datagram);
    }
    setImmediate(() => this.read());
  }
}

const MOST_AT_ONCE = 64;

/** What comes through the socket of one agent. */
class Receiver {
  /** True when datagrams were left in the socket for want of room. */
  isPaused = false;
  readonly #agent: number;
  readonly #listener: NotifyListener;
  #isReported = false;

  constructor(agent: number, listener: NotifyListener) {
    this.#agent = agent;
    this.#listener = listener;
  }

  mayRead(): boolean {
    this.isPaused = !this.#listener.mayRead();
    return !this.isPaused;
  }

  /** A process that has ended since it sent cannot be looked at: one of the same user is believed. */
  take({ pid, uid, bytes }: Datagram): void {
    const isOwn = this.#listener.isOwn(pid) ?? (pid > 0 && uid === process.getuid?.());
    if (isOwn) return this.#listener.message(linesOf(bytes));
    const who = `process ${pid} of user ${uid}, which is not of agent ${this.#agent},`;
    if (!this.#isReported) this.#listener.problem(`${who} has sent to its NOTIFY_SOCKET; it is not believed`);
    this.#isReported = true;
  }
}

/** An empty line would mean READY=1, as on the inherited descriptor. */
function linesOf(bytes: Uint8Array): Uint8Array {
  const lines = Buffer.from(bytes).toString().split('\n');
  return Buffer.from(lines.flatMap((line) => (line.trim() === '' ? [] : [`${line}\n`])).join(''));
}
