import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Packr, Unpackr } from 'msgpackr';
import { Router } from 'zeromq';
import { bareSpawnAll } from './bare.js';
import { BareSupervisor } from './bare-supervisor.js';

/*
 * The floor of what a user does, in a process of its own: bare children with three pipes that are read, and a bare zeromq.js ROUTER that
 * answers with rows as MessagePack. It knows nothing, checks nothing and can do nothing else.
 */

/** What it is told to do; each is answered when it is done. */
export type FloorOrder =
  | { readonly type: 'spawn'; readonly count: number }
  | { readonly type: 'stop' }
  | { readonly type: 'supervise'; readonly commands: readonly (readonly string[])[] }
  | { readonly type: 'end'; readonly agents: readonly number[] }
  | { readonly type: 'serve'; readonly endpoint: string; readonly rows: readonly Row[] };

interface Row {
  readonly path: string;
}

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
const supervisor = new BareSupervisor(() => undefined);
let children: ChildProcess[] = [];

async function obey(order: FloorOrder): Promise<void> {
  switch (order.type) {
    case 'spawn':
      children = [...children, ...(await bareSpawnAll(order.count, true))];
      return;
    case 'stop':
      return endAll(children.splice(0));
    case 'supervise':
      return supervisor.start(order.commands);
    case 'end':
      return supervisor.stop(order.agents);
    case 'serve':
      return serve(order.endpoint, order.rows);
  }
}

/** Asks each to end, and waits until all are reaped. */
async function endAll(living: readonly ChildProcess[]): Promise<void> {
  const reaped = living.map((child) => once(child, 'exit'));
  for (const child of living) child.kill('SIGTERM');
  await Promise.all(reaped);
}

async function serve(endpoint: string, rows: readonly Row[]): Promise<void> {
  const socket = new Router({ linger: 0 });
  await socket.bind(endpoint);
  const byPath = new Map(rows.map((row) => [row.path, row]));
  void answerAll(socket, (agent) => (agent === undefined ? rows : byPath.get(agent)));
}

interface Request {
  readonly request_id: string;
  readonly agent?: string;
}

async function answerAll(socket: Router, find: (agent: string | undefined) => unknown): Promise<void> {
  for await (const [peer, delimiter, payload] of socket) {
    const { request_id, agent } = unpackr.unpack(payload as Buffer) as Request;
    const answer = { type: 'tree_response', request_id, success: true, data: find(agent), error: null };
    await socket.send([peer as Buffer, delimiter as Buffer, packr.pack(answer)]);
  }
}

process.on('message', async (message) => {
  // A word for the probe is not for us.
  if (typeof message !== 'object') return;
  await obey(message as FloorOrder);
  process.send?.('done');
});
// The probe does not keep a process alive: the order that comes next does.
process.channel?.ref();
process.send?.('ready');
