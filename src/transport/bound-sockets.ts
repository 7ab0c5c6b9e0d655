/** A socket of one endpoint. */
interface Bindable {
  /** Resolves with the endpoint as it is, a wildcard port replaced. */
  bind(): Promise<string>;
  close(): Promise<void>;
}

/** The sockets of one kind, by the endpoints that they are bound to. */
export class BoundSockets<S extends Bindable> {
  readonly #sockets = new Map<string, S>();

  get all(): IterableIterator<S> {
    return this.#sockets.values();
  }

  /** Resolves with the endpoint as it is. Rejects with what the system said; then the socket is closed. */
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

  /** Closes the socket of an endpoint that `bind` resolved with, if there is one. */
  async unbind(endpoint: string): Promise<void> {
    const socket = this.#sockets.get(endpoint);
    this.#sockets.delete(endpoint);
    await socket?.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.all].map((socket) => socket.close()));
  }
}
