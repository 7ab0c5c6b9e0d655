import { Dealer } from 'zeromq';
import { unpack } from '../../src/protocol/codec.js';
import { decode } from '../../src/protocol/decode.js';
import { MESSAGES, type MessageType } from '../../src/protocol/protocol.js';
import { strictDecode } from '../protocol/strict-decoder.js';

export interface Counts {
  /** Frames that are no valid request. */
  undecodable: number;
  answers: number;
  refusals: number;
  /** Messages before the answer: `accepted` and `tree_progress`. */
  interim: number;
  /** The problems of the first ten faulty answers. */
  readonly faults: string[];
}

/** The number of frames in flight. */
const WINDOW = 200;

/**
 * Sends every frame and waits for an answer to each. Every answer must be valid for our decoder, and for the strict one if it belongs to
 * the agent protocol. Rejects when an answer does not come.
 */
export async function sendFrames(
  endpoint: string,
  frames: Iterable<Uint8Array>,
  progress: (counts: Counts) => void = () => {},
): Promise<Counts> {
  const socket = new Dealer({ linger: 0, receiveTimeout: 60_000, sendHighWaterMark: 0 });
  socket.connect(endpoint);
  const counts: Counts = { undecodable: 0, answers: 0, refusals: 0, interim: 0, faults: [] };
  let waiting = 0;
  try {
    for (const frame of frames) {
      if (!decode(frame).ok) counts.undecodable++;
      await socket.send(['', frame]);
      waiting++;
      if (waiting >= WINDOW) waiting -= await receiveAnswer(socket, counts);
      if (counts.answers % 10_000 === 0) progress(counts);
    }
    while (waiting > 0) waiting -= await receiveAnswer(socket, counts);
  } finally {
    socket.close();
  }
  return counts;
}

/** Receives one message. Resolves with 1 for an answer, with 0 for an interim message. */
async function receiveAnswer(socket: Dealer, counts: Counts): Promise<number> {
  const [, bytes = Buffer.alloc(0)] = await socket.receive();
  const fault = faultOf(bytes);
  if (fault !== null && counts.faults.length < 10) counts.faults.push(fault);
  const { type, success, healthy } = unpack(bytes) as Record<string, unknown>;
  if (type === 'accepted' || type === 'tree_progress') {
    counts.interim++;
    return 0;
  }
  counts.answers++;
  if (success === false || healthy === false) counts.refusals++;
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
