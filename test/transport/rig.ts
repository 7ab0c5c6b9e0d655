import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dealer, Request } from 'zeromq';
import type { Actions } from '../../src/control/actions.js';
import { answer } from '../../src/control/answer.js';
import { type Control, createControl } from '../../src/control/control.js';
import type { Limits } from '../../src/control/limits.js';
import { pack, unpack } from '../../src/protocol/codec.js';
import { decode } from '../../src/protocol/decode.js';
import { planSpawn } from '../../src/server/backend.js';
import { createRequestRouter, type RequestRouter } from '../../src/transport/router.js';
import { FakeTree } from './fake-tree.js';

/** A fake tree behind a real ROUTER on a real ipc and a real tcp endpoint. `close` leaves nothing behind. */
export interface Rig {
  readonly tree: FakeTree;
  readonly control: Control;
  readonly router: RequestRouter;
  readonly ipc: string;
  readonly tcp: string;
  /** Errors that belong to no caller. */
  readonly failures: unknown[];
  close(): Promise<void>;
}

export async function createRig(
  options: { maxAgents?: number; pubEndpoints?: readonly string[]; actions?: Actions; limits?: Partial<Limits> } = {},
): Promise<Rig> {
  const directory = await mkdtemp(join(tmpdir(), 'supertree-test-'));
  const tree = new FakeTree('web', 'worker');
  const failures: unknown[] = [];
  const failed = (thrown: unknown) => failures.push(thrown);
  const endpoints: string[] = [];
  const control = createControl({
    tree,
    serverId: 'server-test',
    version: '0.0.0',
    endpoints: () => endpoints,
    pubEndpoints: options.pubEndpoints ?? [],
    ...(options.limits && { limits: options.limits }),
    maxAgents: options.maxAgents ?? 10,
    plan: planSpawn,
    ...(options.actions && { actions: options.actions }),
    failed,
  });
  const router = createRequestRouter({
    handle: (payload, interim, context) => answer(control, payload, interim, context),
    failed,
    limits: options.limits ?? {},
  });
  endpoints.push(await router.bind(`ipc://${join(directory, 'rig.sock')}`), await router.bind('tcp://127.0.0.1:*'));
  const close = async () => {
    control.close();
    await router.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { tree, control, router, ipc: endpoints[0] ?? '', tcp: endpoints[1] ?? '', failures, close };
}

/** An answer as a program in any language would see it. */
export type Answer = Readonly<Record<string, unknown>>;

/** One message through the whole of the server but its socket. */
export async function request({ control }: Rig, message: unknown, interim: Answer[] = []): Promise<Answer> {
  const bytes = await answer(control, pack(message), (word) => interim.push(unpack(word) as Answer));
  const decoded = decode(bytes);
  // Every answer must be readable by the table that it was written from.
  if (!decoded.ok) throw decoded.error;
  return unpack(bytes) as Answer;
}

/** One of our own operations. */
export function operate(
  rig: Rig,
  operation: string,
  params: object = {},
  more: object = {},
  interim: Answer[] = [],
): Promise<Answer> {
  return request(rig, { type: 'tree_request', request_id: 't', operation, params, ...more }, interim);
}

/** Asks one question through a REQ socket of its own. */
export async function ask(endpoint: string, payload: Uint8Array): Promise<Answer> {
  const socket = new Request({ linger: 0, receiveTimeout: 60_000 });
  socket.connect(endpoint);
  try {
    await socket.send(payload);
    const [reply] = await socket.receive();
    return unpack(reply ?? Buffer.alloc(0)) as Answer;
  } finally {
    socket.close();
  }
}

/** Sends frames through a DEALER socket of its own and resolves with the first answer. */
export async function deal(endpoint: string, ...frames: (Uint8Array | string)[]): Promise<Buffer[]> {
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000 });
  socket.connect(endpoint);
  try {
    await socket.send(frames);
    return await socket.receive();
  } finally {
    socket.close();
  }
}
