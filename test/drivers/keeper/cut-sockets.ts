import { syncBuiltinESMExports } from 'node:module';
import net, { type Socket } from 'node:net';
import { fromKeeper, MessageReader, toKeeper } from '../../../src/drivers/keeper/protocol/codec.js';
import type { FromKeeper, ToKeeper } from '../../../src/drivers/keeper/protocol/messages.js';

/** Where a socket is cut: at the first message of this type in this direction; `whole`: when it was sent, or before any of it is read; else in its midst. */
export interface Cut {
  readonly direction: 'to' | 'from';
  readonly type: (ToKeeper | FromKeeper)['type'];
  readonly part: 'whole' | 'half';
}

/** The sockets of this program to its keepers, which are cut as asked. */
export class CutSockets {
  /** How often one was cut. */
  count = 0;
  /** The next cut; `null` when there is none. */
  next: Cut | null = null;
  readonly #connect = net.connect;
  #last: Socket | undefined;

  constructor() {
    net.connect = ((...args: Parameters<typeof net.connect>) =>
      this.#watch(this.#connect(...args))) as typeof net.connect;
    syncBuiltinESMExports();
  }

  restore(): void {
    net.connect = this.#connect;
    syncBuiltinESMExports();
  }

  /** Cuts the present one at once. */
  cut(): void {
    this.count += 1;
    this.#last?.destroy();
  }

  #watch(socket: Socket): Socket {
    this.#last = socket;
    this.#watchWrites(socket);
    this.#watchReads(socket);
    return socket;
  }

  /** Each message is written by a call of its own. */
  #watchWrites(socket: Socket): void {
    const reader = new MessageReader(toKeeper);
    const write = socket.write.bind(socket) as (bytes: Uint8Array, done?: () => void) => boolean;
    let isCut = false;
    socket.write = ((bytes: Uint8Array) => {
      if (isCut) return true;
      const [message] = [...reader.push(bytes)];
      const part = message && this.#partAt('to', message);
      if (!part) return write(bytes);
      isCut = true;
      return write(part === 'whole' ? bytes : bytes.subarray(0, bytes.length / 2), () => socket.destroy());
    }) as typeof socket.write;
  }

  /** Whole messages are passed on, until one is that the socket is cut at. */
  #watchReads(socket: Socket): void {
    const emit = socket.emit.bind(socket);
    let rest = Buffer.alloc(0);
    let isGreeted = false;
    let isCut = false;
    const receive = (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      let end = isGreeted ? 0 : 1;
      isGreeted = true;
      for (let frame = frameAt(rest, end); frame !== null && !isCut; frame = frameAt(rest, end)) {
        const part = this.#partAt('from', fromKeeper.decode(frame.subarray(4))!);
        isCut = part !== null;
        if (part !== 'whole') end += isCut ? Math.floor(frame.length / 2) : frame.length;
      }
      if (end > 0) emit('data', Buffer.from(rest.subarray(0, end)));
      rest = rest.subarray(end);
      if (isCut) socket.destroy();
    };
    socket.emit = ((event: string, ...args: unknown[]) => {
      if (event !== 'data') return emit(event, ...args);
      if (!isCut) receive(args[0] as Buffer);
      return true;
    }) as typeof socket.emit;
  }

  #partAt(direction: 'to' | 'from', { type }: ToKeeper | FromKeeper): Cut['part'] | null {
    if (this.next?.direction !== direction || this.next.type !== type) return null;
    const { part } = this.next;
    this.next = null;
    this.count += 1;
    return part;
  }
}

/** The whole message at this offset, with its length; `null` when some of it has not come. */
function frameAt(bytes: Buffer, at: number): Buffer | null {
  if (bytes.length < at + 4) return null;
  const end = at + 4 + bytes.readUInt32BE(at);
  return bytes.length < end ? null : bytes.subarray(at, end);
}
