import type { Router, XPublisher } from 'zeromq';

interface Connections {
  /** Accepted and not closed. */
  open: number;
  /** An upper bound of the open connections that have not finished their handshake. */
  silent: number;
  readonly closeAll: () => void;
}

/**
 * Keeps the connections of a server below its share of file descriptors, so that enough are left for agents and answers. libzmq accepts every
 * connection, retries without a pause when no descriptor is left, and cannot close a single connection; so when there are too many:
 * 1. the socket with most unfinished handshakes is closed, which closes all its connections, and bound again;
 * 2. its clients reconnect by themselves; connections without a handshake are closed after the handshake interval, so the oldest go first.
 */
export class ConnectionLimit {
  readonly #max: number;
  readonly #sockets = new Map<Router | XPublisher, Connections>();

  /** `max` is the limit for the connections of all watched sockets together. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Connections of all sockets. */
  get open(): number {
    let sum = 0;
    for (const { open } of this.#sockets.values()) sum += open;
    return sum;
  }

  get max(): number {
    return this.#max;
  }

  /** Counts the connections of a socket that is not bound yet, until `forget`. `closeAll` must close the socket. */
  watch(socket: Router | XPublisher, closeAll: () => void): void {
    const connections: Connections = { open: 0, silent: 0, closeAll };
    this.#sockets.set(socket, connections);
    const settled = () => {
      connections.silent = Math.max(0, connections.silent - 1);
    };
    socket.events.on('accept', () => {
      connections.open++;
      connections.silent++;
      if (this.open > this.#max) this.#makeRoom();
    });
    socket.events.on('handshake', settled);
    socket.events.on('handshake:error:protocol', settled);
    socket.events.on('handshake:error:auth', settled);
    socket.events.on('handshake:error:other', settled);
    socket.events.on('disconnect', () => connections.open--);
    // No descriptor is left below the limit: other parts of this process use too many.
    socket.events.on('accept:error', () => this.#makeRoom());
  }

  /** Must be called before a socket is closed. */
  forget(socket: Router | XPublisher): void {
    this.#sockets.delete(socket);
  }

  #makeRoom(): void {
    const [first, ...others] = this.#sockets;
    if (first === undefined) return;
    const [socket, { closeAll }] = others.reduce((worst, each) => (isWorse(each[1], worst[1]) ? each : worst), first);
    this.forget(socket);
    closeAll();
  }
}

function isWorse(a: Connections, b: Connections): boolean {
  return a.silent === b.silent ? a.open > b.open : a.silent > b.silent;
}
