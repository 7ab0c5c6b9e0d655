import type { Dealer } from 'zeromq';
import type { Side } from './wire-side.js';

/*
 * The asking side: a bare Dealer that keeps so many requests under way and never looks into an answer, the same for both servers.
 */

/** What one slice of load measured. */
export interface Slice {
  /** Answers per second. */
  readonly rate: number;
  /** From each request to its answer, in ms. */
  readonly times: readonly number[];
  /** Processor time of the server for one request, in microseconds. */
  readonly cpu: number;
}

/** Asks for `ms` with `depth` requests under way, then waits for the answers that are due. */
export async function load(side: Side, request: Uint8Array, depth: number, ms: number): Promise<Slice> {
  const { socket } = side;
  const cpu = await side.cpu();
  const sent: number[] = [];
  const times: number[] = [];
  const begin = performance.now();
  const end = begin + ms;
  for (let n = 0; n < depth; n++) sent.push(await post(socket, request));
  // Answers to one kind of request come in order.
  while (times.length < sent.length) {
    await socket.receive();
    const now = performance.now();
    times.push(now - (sent[times.length] as number));
    if (now < end) sent.push(await post(socket, request));
  }
  const seconds = (performance.now() - begin) / 1000;
  return { rate: times.length / seconds, times, cpu: ((await side.cpu()) - cpu) / times.length };
}

/** Asks once; resolves with the answer. */
export async function askOnce(socket: Dealer, request: Uint8Array): Promise<Buffer> {
  await post(socket, request);
  const frames = await socket.receive();
  return frames.at(-1) ?? EMPTY;
}

async function post(socket: Dealer, request: Uint8Array): Promise<number> {
  const at = performance.now();
  await socket.send([EMPTY, request]);
  return at;
}

const EMPTY = Buffer.alloc(0);
