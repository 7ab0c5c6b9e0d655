import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';

/** A proxy between a client and a server that can do to their connections what networks do. */
export class FaultyNetwork {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>();
  /** Connections to the server without a client. */
  readonly #orphans = new Set<Socket>();
  /** How many connections there were. */
  accepted = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(target: string): Promise<FaultyNetwork> {
    const server = createServer({ allowHalfOpen: true });
    const proxy = new FaultyNetwork(server);
    server.on('connection', (near) => proxy.#join(near, connect({ ...addressOf(target), allowHalfOpen: true })));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get endpoint(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    for (const far of this.#orphans) far.destroy();
  }

  /** Breaks every connection for its client; the server is not told, and nobody reads what it sends there. */
  abandon(): void {
    for (const [near, far] of this.#pairs) {
      far.unpipe().pause();
      this.#orphans.add(far);
      near.resetAndDestroy();
    }
  }

  /** From now on nothing passes on the connections that there are, and none of the two is told. */
  stall(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.unpipe().pause();
  }

  /** Says to the clients that nothing more comes, and goes on listening to them. */
  halfClose(): void {
    for (const [near, far] of this.#pairs) {
      far.unpipe(near);
      near.end();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket, far: Socket): void {
    this.accepted++;
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const each of pair) if (!this.#orphans.has(each)) each.destroy();
      });
    }
  }
}

function addressOf(endpoint: string): NetConnectOpts {
  if (endpoint.startsWith('ipc://')) return { path: endpoint.slice('ipc://'.length) };
  const { hostname, port } = new URL(endpoint.replace(/^tcp/, 'http'));
  return { host: hostname, port: Number(port) };
}
