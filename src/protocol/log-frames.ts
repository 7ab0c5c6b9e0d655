import type { OutputLine } from '../contract/view.js';
import type { StreamName } from '../model/spec.js';
import { pack } from './codec.js';
import { uuid as uuidKind } from './kinds.js';
import { wireTime } from './status.js';

/**
 * Writes the `log_stream` messages of one agent by hand, to the same bytes as `encode`. The agent protocol has the bytes of a line as a list of integers,
 * and a list of 65536 boxed numbers for each line would cost more than everything else.
 */
export class LogFrames {
  readonly #heads: Readonly<Record<StreamName, Buffer>>;

  constructor(uuid: string) {
    const agent = uuidKind.write(uuid);
    this.#heads = { stdout: headOf(agent, 'stdout'), stderr: headOf(agent, 'stderr') };
  }

  encode({ stream, bytes, at, seq }: OutputLine): Buffer {
    const head = this.#heads[stream];
    const tail = tailOf(at, seq);
    const high = countHigh(bytes);
    const frame = Buffer.allocUnsafe(head.length + 5 + bytes.length + high + tail.length);
    head.copy(frame);
    const begin = writeLength(frame, head.length, bytes.length);
    const end = high === 0 ? copyLow(frame, begin, bytes) : writeBytes(frame, begin, bytes);
    tail.copy(frame, end);
    return frame.subarray(0, end + tail.length);
  }
}

/** Map of six entries, up to and including the key of the bytes. */
function headOf(agent: unknown, stream: StreamName): Buffer {
  const entries = ['type', 'log_stream', 'agent_id', agent, 'stream_type', stream, 'data'];
  return Buffer.concat([Buffer.from([FIXMAP | 6]), ...entries.map(pack)]);
}

function tailOf(at: number, seq: number): Buffer {
  return Buffer.concat(['timestamp', [...wireTime(at)], 'sequence', seq].map(pack));
}

const FIXMAP = 0x80;
const FIXARRAY = 0x90;
const ARRAY16 = 0xdc;
const ARRAY32 = 0xdd;
const UINT8 = 0xcc;

function countHigh(bytes: Uint8Array): number {
  let high = 0;
  for (let i = 0; i < bytes.length; i++) high += (bytes[i] as number) >>> 7;
  return high;
}

function writeLength(frame: Buffer, at: number, length: number): number {
  if (length < 16) return frame.writeUInt8(FIXARRAY | length, at);
  if (length < 0x1_0000) return frame.writeUInt16BE(length, frame.writeUInt8(ARRAY16, at));
  return frame.writeUInt32BE(length, frame.writeUInt8(ARRAY32, at));
}

/** Bytes below 128 are their own integer form. */
function copyLow(frame: Buffer, at: number, bytes: Uint8Array): number {
  frame.set(bytes, at);
  return at + bytes.length;
}

function writeBytes(frame: Buffer, at: number, bytes: Uint8Array): number {
  let end = at;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte > 0x7f) frame[end++] = UINT8;
    frame[end++] = byte;
  }
  return end;
}
