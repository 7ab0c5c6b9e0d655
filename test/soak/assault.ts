import { Dealer } from 'zeromq';
import { unpack } from '../../src/protocol/codec.js';
import { decode } from '../../src/protocol/decode.js';
import { MESSAGES, type MessageType } from '../../src/protocol/protocol.js';
import { strictDecode } from '../protocol/strict-decoder.js';

export interface Toll {
  /** Frames that no decoder could take for a request. */
  undecodable: number;
  answers: number;
  refusals: number;
  /** Words before the answer. */
  interim: number;
  /** What was wrong with answers. */
  readonly faults: string[];
}

/** How many frames are under way at once. */
const WINDOW = 200;

/**
 * Sends every frame and waits for an answer to each. Every answer must be readable by our decoder, and by the strict one where it is of
 * the agent protocol. Rejects when an answer does not come.
 */
export async function assault(
  endpoint: string,
  frames: Iterable<Uint8Array>,
  progress: (toll: Toll) => void = () => {},
): Promise<Toll> {
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000, sendHighWaterMark: 0 });
  socket.connect(endpoint);
  const toll: Toll = { undecodable: 0, answers: 0, refusals: 0, interim: 0, faults: [] };
  let waiting = 0;
  try {
    for (const frame of frames) {
      if (!decode(frame).ok) toll.undecodable++;
      await socket.send(['', frame]);
      waiting++;
      if (waiting >= WINDOW) waiting -= await take(socket, toll);
      if (toll.answers % 10_000 === 0) progress(toll);
    }
    while (waiting > 0) waiting -= await take(socket, toll);
  } finally {
    socket.close();
  }
  return toll;
}

/** 1 for an answer, 0 for a word before it. */
async function take(socket: Dealer, toll: Toll): Promise<number> {
  const [, bytes = Buffer.alloc(0)] = await socket.receive();
  const fault = faultOf(bytes);
  if (fault !== null && toll.faults.length < 10) toll.faults.push(fault);
  const { type, success, healthy } = unpack(bytes) as Record<string, unknown>;
  if (type === 'accepted' || type === 'tree_progress') {
    toll.interim++;
    return 0;
  }
  toll.answers++;
  if (success === false || healthy === false) toll.refusals++;
  return 1;
}

function faultOf(bytes: Buffer): string | null {
  const decoded = decode(bytes);
  if (!decoded.ok) return decoded.error.message;
  const { type } = decoded.message;
  if (MESSAGES[type as MessageType].index === null) return null;
  try {
    strictDecode(bytes);
    return null;
  } catch (thrown) {
    return `${type}: ${(thrown as Error).message}`;
  }
}
