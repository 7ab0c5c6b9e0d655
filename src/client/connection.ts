import { nanoid } from 'nanoid';
import { Dealer } from 'zeromq';
import { uninterrupted } from '../contract/uninterrupted.js';
import { asSupertreeError, SupertreeError } from '../errors.js';
import { JOIN_ANSWERS } from '../protocol/joined-answers.js';
import { type ClientSecurity, curveClient, provenRoutingId, watchHandshake } from './security.js';
import { checkSocketOwner, type ServerOwner } from './socket-owner.js';

export interface ConnectionOptions {
  readonly endpoint: string;
  /** `null` where no keys are used. */
  readonly security: ClientSecurity | null;
  readonly owner: ServerOwner;
  /** Called when the handshake is done: messages can be sent from now on. */
  readonly opened: () => void;
  readonly received: (bytes: Buffer) => void;
  /** Called once, when the connection is gone or could not be made, with the reason where one is known. Never after `close`. */
  readonly lost: (reason: SupertreeError | null) => void;
}

/** One connection to one server. It does not reconnect: open another one instead. */
export interface Connection {
  /** Queues one message. Never throws. */
  send(bytes: Buffer): void;
  close(): void;
}

/**
 * Opens a connection in the background. zeromq.js would reconnect by itself, but would not tell which requests had been sent on the connection that
 * broke. Throws KEY_INVALID, ENDPOINT_INVALID, ENDPOINT_FOREIGN, ENDPOINT_UNUSABLE.
 */
export function openConnection(options: ConnectionOptions): Connection {
  const { endpoint, security, owner } = options;
  const found = checkSocketOwner(endpoint, owner);
  // A ROUTER refuses a routing id that it still knows from a connection that broke: each connection has its own.
  const routingId = provenRoutingId(endpoint, security, nanoid());
  const socket = new Dealer({
    linger: 0,
    reconnectInterval: RECONNECT_DISABLED,
    sendHighWaterMark: 0,
    ipv6: endpoint.startsWith('tcp://['),
    ...curveClient(endpoint, security),
    ...(routingId !== null && { routingId }),
  });
  uninterrupted(() => socket.events);
  let over = false;
  const lose = (reason: SupertreeError | null) => {
    if (over) return;
    over = true;
    options.lost(reason);
  };
  watchHandshake(socket, endpoint, security, lose);
  socket.events.on('handshake', () => {
    const stranger = replaced(endpoint, owner, found);
    if (stranger !== null) lose(stranger);
    else if (!over) options.opened();
  });
  socket.events.on('disconnect', () => lose(null));
  socket.events.on('connect:retry', () => lose(null));
  socket.events.on('close', () => lose(null));
  try {
    uninterrupted(() => socket.connect(endpoint));
  } catch (thrown) {
    socket.close();
    throw new SupertreeError('ENDPOINT_INVALID', { endpoint, rule: 'the system refuses it' }, thrown);
  }
  receive(socket, (bytes) => over || options.received(bytes)).catch(() => lose(null));
  return {
    send: createLine(socket, () => lose(null)),
    close: () => {
      over = true;
      socket.close();
    },
  };
}

/**
 * Why the connection must not be used; `null` if the socket is still the one that was checked. In a directory that others may write too: 1. the
 * socket belongs to our server, 2. the server ends and removes it, 3. another user binds the path, 4. the connection is made. So the socket is
 * checked again before the first byte is sent.
 */
function replaced(endpoint: string, owner: ServerOwner, found: string | null): SupertreeError | null {
  try {
    if (checkSocketOwner(endpoint, owner) === found) return null;
    return new SupertreeError('NO_SERVER', { endpoint: `${endpoint} (the socket was replaced just now)` });
  } catch (thrown) {
    return asSupertreeError(thrown);
  }
}

/**
 * A day, in ms. With -1 (never), libzmq 4.3.5 aborts the process when a connection breaks while its socket is being closed: it terminates the
 * endpoint (libzmq pull request 2756) a second time.
 */
const RECONNECT_DISABLED = 86_400_000;

/** A send queue: zeromq.js allows one send at a time. */
function createLine(socket: Dealer, failed: () => void): (bytes: Buffer) => void {
  let last: Promise<void> = Promise.resolve();
  return (bytes) => {
    last = last.then(() => (socket.closed ? undefined : socket.send([EMPTY, bytes, JOIN_ANSWERS]))).catch(failed);
  };
}

/** The delimiter that a REP socket asks for. */
const EMPTY = Buffer.alloc(0);

async function receive(socket: Dealer, take: (bytes: Buffer) => void): Promise<void> {
  for await (const frames of socket) {
    // The server joins several answers in one message: see `JOIN_ANSWERS`.
    for (const bytes of frames.slice(1)) take(bytes);
  }
}
