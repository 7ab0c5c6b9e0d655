import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { curveKeyPair, Dealer } from 'zeromq';
import { clientTicket } from './wire-subject.js';

/** What a server process is to be. */
export interface SideOrder {
  readonly role: 'ours' | 'floor' | 'publisher' | 'floor-publisher';
  readonly agents: number;
  /** `null` where no keys are used. */
  readonly keys: { readonly server: KeyPair; readonly client: KeyPair } | null;
  /** What the floor answers, by the type of the request. */
  readonly answers: Readonly<Record<string, string>>;
}

export interface KeyPair {
  readonly publicKey: string;
  readonly secretKey: string;
}

/** A server in a process of its own. */
export interface Side {
  readonly endpoint: string;
  readonly pubEndpoint: string;
  /** Connected to `endpoint`. */
  readonly socket: Dealer;
  /** Processor time that it has used so far, in microseconds. */
  cpu(): Promise<number>;
  close(): Promise<void>;
}

/** Starts a server process and connects to it. */
export async function openSide(order: SideOrder): Promise<Side> {
  const child = fork(new URL('./wire-server.js', import.meta.url), { serialization: 'advanced' });
  child.send(order);
  const { endpoint, pubEndpoint } = (await heard(child)) as { endpoint: string; pubEndpoint: string };
  const socket = new Dealer({ linger: 0, receiveTimeout: 20_000, ...lockOptions(order) });
  socket.connect(endpoint);
  return {
    endpoint,
    pubEndpoint,
    socket,
    cpu: async () => {
      child.send('cpu');
      return (await heard(child)) as number;
    },
    close: async () => {
      socket.close();
      const exit = once(child, 'exit');
      child.send('end');
      await exit;
    },
  };
}

export function newKeys(): SideOrder['keys'] {
  return { server: curveKeyPair(), client: curveKeyPair() };
}

/** The routing id proves the key to our server; to the floor it means nothing. */
function lockOptions({ keys }: SideOrder): object {
  if (keys === null) return {};
  const { server, client } = keys;
  const { publicKey: curvePublicKey, secretKey: curveSecretKey } = client;
  const routingId = `${clientTicket(curveSecretKey, server.publicKey)}.1`;
  return { curveServerKey: server.publicKey, curvePublicKey, curveSecretKey, routingId };
}

async function heard(child: ChildProcess): Promise<unknown> {
  const exit = new AbortController();
  const ended = once(child, 'exit', { signal: exit.signal }).then(() => {
    throw new Error('the server process ended');
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => 'it was not waited for any longer');
  exit.abort();
  return message;
}
