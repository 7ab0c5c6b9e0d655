import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'supertree/client';
import { MeasuredProcess } from './user-process.js';

const dist = process.env.SUPERTREE_BENCH_DIST;
const { connect } = (await import(`${dist}/client.js`)) as typeof import('supertree/client');

export interface Server {
  readonly process: MeasuredProcess;
  readonly client: Client;
}

/**
 * The bundled server as an operator runs it, with limits out of the way: it is not the limits that are measured. `root` are further fields of the
 * root supervisor.
 */
export async function openServer(directory: string, size: number, root: object = {}): Promise<Server> {
  const endpoint = `ipc://${join(directory, 'supertree.sock')}`;
  const limits = { rate: 1e9, burst: 1e9 };
  const file = join(directory, 'tree.json');
  writeFileSync(file, JSON.stringify({ id: 'root', ...root, server: { endpoint, maxAgents: size + 2, limits } }));
  const process = new MeasuredProcess(`${dist}/../bin/supertree.js`, ['serve', file]);
  return { process, client: await connect({ endpoint, wait: 20_000 }) };
}

/** Bare Node, which obeys orders. */
export async function openFloor(): Promise<MeasuredProcess> {
  const floor = new MeasuredProcess(process.execPath, [new URL('./user-floor.js', import.meta.url).pathname]);
  await floor.heard();
  return floor;
}
