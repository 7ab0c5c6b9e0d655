import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dealer } from 'zeromq';
import { createTree } from '../../src/actors/tree.js';
import type { AuditLine } from '../../src/control/access/audit.js';
import type { SupervisorInput } from '../../src/model/input.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { clientTicket, type KeyPair, newKeyPair } from '../../src/protocol/curve.js';
import type { Role } from '../../src/protocol/operations.js';
import { createServer, type Server } from '../../src/server/server.js';

/** What the keys of the rig may do. `stranger` is not known to the server. */
export const GRANTS = {
  boss: [{ roles: ['observe', 'input', 'lifecycle', 'configure', 'spawn'], subtree: 'root' }],
  watcher: [{ roles: ['observe'], subtree: 'root' }],
  typist: [{ roles: ['input'], subtree: 'root/a' }],
  lead: [{ roles: ['observe', 'lifecycle', 'spawn'], subtree: 'root/a' }],
  mixed: [
    { roles: ['observe'], subtree: 'root' },
    { roles: ['lifecycle'], subtree: 'root/b/two' },
  ],
  // Its subtree does not exist.
  lost: [{ roles: ['input'], subtree: 'root/none' }],
  blind: [{ roles: ['lifecycle'], subtree: 'root/b/same' }],
} as const satisfies Record<string, readonly { roles: readonly Role[]; subtree: string }[]>;

export type Name = keyof typeof GRANTS;

/** A real server with keys, on a real tcp and a real ipc endpoint, over real processes. */
export interface SecureRig {
  readonly server: Server;
  readonly tcp: string;
  readonly ipc: string;
  readonly serverKey: string;
  readonly keys: Readonly<Record<Name | 'stranger', KeyPair>>;
  readonly audit: readonly AuditLine[];
  readonly failures: readonly unknown[];
  close(): Promise<void>;
}

const cat = (id: string) => ({ id, command: ['cat'] });

/** Two teams; both have an agent called `same`. */
const TREE: SupervisorInput = {
  id: 'root',
  children: [
    { id: 'a', children: [cat('one'), cat('same')] },
    { id: 'ab', children: [cat('near')] },
    { id: 'b', children: [cat('two'), cat('same')] },
  ],
};

export async function createSecureRig(settings: object = {}): Promise<SecureRig> {
  const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  const own = newKeyPair();
  const names = Object.keys(GRANTS) as Name[];
  const keys = Object.fromEntries([...names, 'stranger'].map((name) => [name, newKeyPair()])) as SecureRig['keys'];
  const secretKeyFile = join(directory, 'server.key');
  await writeFile(secretKeyFile, `${own.secretKey}\n`, { mode: 0o600 });
  const known = names.map((name) => ({ name, publicKey: keys[name].publicKey, grants: GRANTS[name] }));
  const audit: AuditLine[] = [];
  const failures: unknown[] = [];
  const endpoints = ['tcp://127.0.0.1:*', `ipc://${join(directory, 's.sock')}`];
  const server = await createServer({
    config: { tree: TREE, settings: { endpoints, ...settings }, security: { secretKeyFile, keys: known } },
    createTree: (input) => createTree(input),
    failed: (thrown) => failures.push(thrown),
    audit: (line) => audit.push(line),
  });
  await server.tree.start();
  const [tcp = '', ipc = ''] = server.endpoints;
  const close = async () => {
    await server.stop({ brutal: true });
    await rm(directory, { recursive: true, force: true });
  };
  return { server, tcp, ipc, serverKey: own.publicKey, keys, audit, failures, close };
}

export type Answer = Readonly<Record<string, unknown>> & { readonly data?: unknown };

/** A connection of a raw ZeroMQ socket, without the client library. */
export interface Wire {
  ask(message: object, timeout?: number): Promise<Answer>;
  /** Sends bytes as they are. */
  post(bytes: Uint8Array): Promise<Answer>;
  /** Every byte that came back. */
  readonly received: readonly Buffer[];
  /** One of our own operations. */
  operate(operation: string, params?: object): Promise<Answer>;
  close(): void;
}

/** Connects to the tcp endpoint with a key, as `examples` in any language do. `routingId`: if not given, one that proves the key. */
export function wire(rig: SecureRig, name: Name | 'stranger', routingId?: string | null): Wire {
  const keys = rig.keys[name];
  const proven = `${clientTicket(keys.secretKey, rig.serverKey)}.${Math.random()}`;
  const id = routingId === undefined ? proven : routingId;
  return wireTo(rig.tcp, {
    curveServerKey: rig.serverKey,
    curvePublicKey: keys.publicKey,
    curveSecretKey: keys.secretKey,
    ...(id !== null && { routingId: id }),
  });
}

export function wireTo(endpoint: string, options: object = {}): Wire {
  const socket = new Dealer({ linger: 0, ...options });
  socket.connect(endpoint);
  let count = 0;
  const received: Buffer[] = [];
  const post = async (bytes: Uint8Array, timeout = 20_000): Promise<Answer> => {
    socket.receiveTimeout = timeout;
    await socket.send(['', bytes]);
    const frames = await socket.receive();
    received.push(...frames);
    return unpack(frames.at(-1) ?? Buffer.alloc(0)) as Answer;
  };
  const ask = (message: object, timeout?: number) => post(pack(message), timeout);
  return {
    ask,
    post,
    received,
    operate: (operation, params = {}) =>
      ask({ type: 'tree_request', request_id: `${operation}-${count++}`, operation, params }),
    close: () => socket.close(),
  };
}
