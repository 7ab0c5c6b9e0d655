/** The socket of one endpoint. */
interface Bindable {
  /** Resolves with the bound endpoint, with port 0 replaced by the real port. */
  bind(): Promise<string>;
  close(): Promise<void>;
}

/** The sockets of one kind, by the endpoints that they are bound to. */
export class BoundSockets<S extends Bindable> {
  readonly #sockets = new Map<string, S>();

  /** The bound sockets. */
  readonly all: ReadonlyMap<string, S> = this.#sockets;

  /** Binds a socket and resolves with the bound endpoint. Rejects with the system's error; then the socket is closed. */
  async bind(socket: S): Promise<string> {
    try {
      const bound = await socket.bind();
      this.#sockets.set(bound, socket);
      return bound;
    } catch (thrown) {
      await socket.close();
      throw thrown;
    }
  }

  /** Closes the socket that is bound to `endpoint`, if there is one. */
  async unbind(endpoint: string): Promise<void> {
    const socket = this.#sockets.get(endpoint);
    this.#sockets.delete(endpoint);
    await socket?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sockets.values()].map((socket) => socket.close()));
  }
}
