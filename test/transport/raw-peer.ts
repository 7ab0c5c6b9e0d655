import { connect, type Socket } from 'node:net';

/**
 * A peer that speaks ZMTP 3.0 (RFC 23) by hand over TCP, as a DEALER: so there may be thousands of them, and they may be rude. It reads
 * nothing unless it is told to.
 */
export class RawPeer {
  readonly #socket: Socket;
  #heard = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => socket.destroy());
  }

  /** A peer that is connected and has not said anything. */
  static connect(port: number): Promise<RawPeer> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawPeer(socket)));
    });
  }

  /** A peer that may send requests; from here on it does not read. */
  static async open(port: number): Promise<RawPeer> {
    const peer = await RawPeer.connect(port);
    await peer.#greet();
    return peer;
  }

  /** How much waits in this process because the other side does not take it. */
  get waiting(): number {
    return this.#socket.writableLength;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends one request, with an empty delimiter. */
  send(payload: Uint8Array): void {
    this.#socket.write(Buffer.concat([Buffer.from([0x01, 0x00]), frame(payload)]));
  }

  close(): void {
    this.#socket.destroy();
  }

  async #greet(): Promise<void> {
    const listener = (data: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, data]);
    };
    this.#socket.on('data', listener);
    this.#socket.write(GREETING);
    await this.#heardOf('NULL');
    this.#socket.write(READY);
    await this.#heardOf('READY');
    this.#socket.off('data', listener);
    this.#socket.pause();
  }

  async #heardOf(text: string): Promise<void> {
    while (!this.#heard.includes(text)) {
      if (this.closed) throw new Error(`the server hung up before it said ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

const GREETING = Buffer.alloc(64);
Buffer.from('ff00000000000000017f0300', 'hex').copy(GREETING);
GREETING.write('NULL', 12);

const BODY = Buffer.concat([
  Buffer.from([5]),
  Buffer.from('READY'),
  Buffer.from([11]),
  Buffer.from('Socket-Type'),
  Buffer.from([0, 0, 0, 6]),
  Buffer.from('DEALER'),
]);
const READY = Buffer.concat([Buffer.from([0x04, BODY.length]), BODY]);

function frame(payload: Uint8Array): Buffer {
  if (payload.length < 256) return Buffer.concat([Buffer.from([0x00, payload.length]), payload]);
  const head = Buffer.alloc(9);
  head[0] = 0x02;
  head.writeBigUInt64BE(BigInt(payload.length), 1);
  return Buffer.concat([head, payload]);
}
