import { setTimeout as sleep } from 'node:timers/promises';
import { Unpackr } from 'msgpackr';
import { Subscriber } from 'zeromq';
import type { Figures } from './measurement.js';
import { openSide, type SideOrder } from './wire-side.js';

const SETTLE = 1_000;
const SPAN = 3_000;

/** Every subscriber follows every agent: what arrives, and what is missing in between. */
export async function fanout(role: SideOrder['role'], agents: number, subscribers: number): Promise<Figures> {
  const side = await openSide({ role, agents, keys: null, answers: {} });
  const all = Array.from({ length: subscribers }, () => new Follower(side.pubEndpoint));
  await sleep(SETTLE);
  const before = {
    delivered: sumOf(all, 'delivered'),
    gaps: sumOf(all, 'gaps'),
    cpu: await side.cpu(),
    at: performance.now(),
  };
  await sleep(SPAN);
  const delivered = sumOf(all, 'delivered') - before.delivered;
  const seconds = (performance.now() - before.at) / 1000;
  const cpu = ((await side.cpu()) - before.cpu) / delivered;
  const gaps = sumOf(all, 'gaps') - before.gaps;
  for (const follower of all) follower.close();
  await side.close();
  return { rate: delivered / seconds, gaps, cpu };
}

function sumOf(all: readonly Follower[], what: 'delivered' | 'gaps'): number {
  return all.reduce((sum, follower) => sum + follower[what], 0);
}

/** One subscriber to everything. */
class Follower {
  delivered = 0;
  /** Lines that are missing between two that arrived. */
  gaps = 0;
  readonly #socket = new Subscriber({ linger: 0 });
  readonly #last = new Map<string, number>();

  constructor(endpoint: string) {
    this.#socket.connect(endpoint);
    this.#socket.subscribe('');
    void this.#follow();
  }

  close(): void {
    this.#socket.close();
  }

  async #follow(): Promise<void> {
    for await (const [frame] of this.#socket) this.#take(frame as Buffer);
  }

  #take(frame: Buffer): void {
    const at = frame.lastIndexOf(SEQUENCE);
    if (at < 0) return;
    this.delivered++;
    const topic = frame.toString('latin1', 0, frame.indexOf(0));
    const sequence = unpackr.unpack(frame.subarray(at + SEQUENCE.length)) as number;
    const last = this.#last.get(topic);
    if (last !== undefined) this.gaps += sequence - last - 1;
    this.#last.set(topic, sequence);
  }
}

/** The last key of a line of output, in front of its number. */
const SEQUENCE = Buffer.from('sequence');

const unpackr = new Unpackr({ useRecords: false });
