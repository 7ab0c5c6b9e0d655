import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from 'supertree/client';
import { SLEEP } from './bare.js';
import { openFloor, openServer, type Server } from './measured-server.js';
import type { Figures } from './measurement.js';
import { median } from './statistics.js';
import { clientPeer, FloorPeer, type Peer } from './user-peers.js';

/*
 * One size: what a user does with so many agents, here and there. Only one side has agents at a time, because a supervisor looks over all
 * processes of the machine; the questions are asked of both by turns.
 */

export const DEPTHS = [1, 64] as const;
const QUESTIONS = ['list', 'status'] as const;
const SLICE = 400;
const SLICES = 3;

export async function userRun(size: number): Promise<Figures> {
  const directory = mkdtempSync(join(tmpdir(), 'supertree-bench-'));
  const figures: Record<string, number> = {};
  try {
    for (const [name, value] of Object.entries(await floorAgents(size))) figures[`floor ${name}`] = value;
    const server = await openServer(directory, size);
    Object.assign(figures, await ourAgents(server, size, join(directory, 'floor.sock')));
    await server.client.close();
    await server.process.end();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return figures;
}

async function floorAgents(size: number): Promise<Figures> {
  const floor = await openFloor();
  const empty = await floor.settledMemory();
  const spawned = await floor.watched(() => floor.ask({ type: 'spawn', count: size }));
  const memory = (await floor.settledMemory()) - empty;
  const stopped = await floor.watched(() => floor.ask({ type: 'stop' }));
  await floor.end();
  return {
    spawn: spawned.ms,
    blocked: spawned.blocked,
    'spawn cpu': spawned.cpu,
    memory: memory / size,
    stop: stopped.ms,
    'stop cpu': stopped.cpu,
  };
}

async function ourAgents({ process, client }: Server, size: number, socket: string): Promise<Figures> {
  const ids = Array.from({ length: size }, (_, n) => `a${n}`);
  // The first agent brings the keeper.
  await client.spawn({ id: 'first', command: SLEEP });
  const empty = await process.settledMemory();
  const spawned = await process.watched(() => each(ids, (id) => client.spawn({ id, command: SLEEP })));
  const memory = (await process.settledMemory()) - empty;
  const asked = await questions(client, `ipc://${socket}`);
  const stopped = await process.watched(() => each(ids, (id) => client.stop(id)));
  const states = (await client.agents()).filter(({ state }) => state === 'stopped');
  if (states.length !== size) throw new Error(`${states.length} of ${size} are stopped`);
  return {
    'ours spawn': spawned.ms,
    'ours blocked': spawned.blocked,
    'ours memory': memory / size,
    'ours stop': stopped.ms,
    'ours stop blocked': stopped.blocked,
    'ours spawn cpu': spawned.cpu,
    'ours stop cpu': stopped.cpu,
    ...asked,
  };
}

async function each(ids: readonly string[], call: (id: string) => Promise<{ state: string }>): Promise<void> {
  await Promise.all(ids.map(call));
}

/** Both are asked by turns, with the same rows. */
async function questions(client: Client, endpoint: string): Promise<Figures> {
  const floor = await openFloor();
  const rows = await client.agents();
  await floor.ask({ type: 'serve', endpoint, rows });
  const bare = new FloorPeer(endpoint);
  const sides = { ours: clientPeer(client), floor: bare };
  const figures: Record<string, number> = {};
  for (const question of QUESTIONS) {
    for (const depth of DEPTHS) Object.assign(figures, await compare(sides, question, depth, rows));
  }
  Object.assign(figures, await bytesOf(client, bare));
  await bare.close();
  await floor.end();
  return figures;
}

async function bytesOf(client: Client, bare: FloorPeer): Promise<Figures> {
  const before = { ours: client.statistics.bytesReceived, floor: bare.bytes };
  await Promise.all([client.agents(), bare.list()]);
  return {
    'ours bytes': client.statistics.bytesReceived - before.ours,
    'floor bytes': bare.bytes - before.floor,
  };
}

type Sides = Readonly<Record<'ours' | 'floor', Peer>>;

async function compare(
  sides: Sides,
  question: (typeof QUESTIONS)[number],
  depth: number,
  rows: readonly { readonly path: string }[],
): Promise<Figures> {
  const slices = new Map<string, Slice[]>();
  for (let n = 0; n <= SLICES; n++) {
    for (const [side, peer] of Object.entries(sides)) {
      const ask =
        question === 'list' ? () => peer.list() : (at: number) => peer.status(rows[at % rows.length]?.path ?? '');
      const slice = await load(ask, depth);
      // The first slice warms up.
      if (n > 0) slices.set(side, [...(slices.get(side) ?? []), slice]);
    }
  }
  const figures: Record<string, number> = {};
  for (const [side, list] of slices) {
    figures[`${side} ${question} ${depth}`] = median(list.map(({ rate }) => rate));
    figures[`${side} ${question} ${depth} cpu`] = median(list.map(({ cpu }) => cpu));
  }
  return figures;
}

interface Slice {
  /** Answers per second. */
  readonly rate: number;
  /** Processor time of the asking process for one answer, in us. */
  readonly cpu: number;
}

/** Keeps `depth` questions in flight for a while. */
async function load(ask: (at: number) => Promise<unknown>, depth: number): Promise<Slice> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const end = begin + SLICE;
  let count = 0;
  const one = async () => {
    do {
      await ask(count++);
    } while (performance.now() < end);
  };
  await Promise.all(Array.from({ length: depth }, one));
  const seconds = (performance.now() - begin) / 1000;
  const used = process.cpuUsage(cpu);
  await sleep(10);
  return { rate: count / seconds, cpu: (used.user + used.system) / count };
}
