import { isUtf8 } from 'node:buffer';
import type { OutputLine } from '../contract/view.js';
import type { StreamName } from '../model/spec.js';
import { pack } from './codec.js';
import type { LineView } from './operations.js';
import { alreadyPacked, arrayHead } from './packed-parts.js';

/*
 * Lines in their wire form, written by hand to the same bytes as `pack(lines.map(lineView))`. A page has thousands of lines: an object, two strings and a
 * bigint for each of them would keep the garbage collector busy, and the event loop waiting for it.
 */

/** The list of lines, packed. It stands for `lines.map(lineView)` in an answer that is packed in parts. */
export function packedLines(lines: readonly OutputLine[]): readonly LineView[] {
  const texts = lines.map(textOf);
  const head = arrayHead(lines.length);
  const size = lines.reduce((sum, { bytes }, n) => sum + OVERHEAD + sizeOf(texts[n] ?? null, bytes), head.length);
  const page = Buffer.allocUnsafeSlow(size);
  let end = append(page, 0, head);
  for (const [n, line] of lines.entries()) end = writeLine(page, end, line, texts[n] ?? null);
  return alreadyPacked(page.subarray(0, end)) as readonly LineView[];
}

/** The text of bytes that are not UTF-8, as UTF-8; `null` for the others: they are their own text. */
function textOf({ bytes }: OutputLine): Buffer | null {
  return isUtf8(bytes) ? null : Buffer.from(Buffer.from(bytes).toString('utf8'), 'utf8');
}

function sizeOf(text: Buffer | null, bytes: Uint8Array): number {
  return text === null ? bytes.length : text.length + bytes.length;
}

function writeLine(page: Buffer, start: number, line: OutputLine, text: Buffer | null): number {
  const { seq, stream, at, partial, bytes } = line;
  let end = append(page, start, text === null ? HEAD.exact : HEAD.inexact);
  end = writeInteger(page, end, seq);
  end = append(page, end, STREAM[stream]);
  end = writeInteger(page, end, at);
  end = append(page, end, partial ? PARTIAL.yes : PARTIAL.no);
  if (text === null) return writeData(page, end, STR, bytes);
  end = writeData(page, end, STR, text);
  return writeData(page, append(page, end, BYTES), BIN, bytes);
}

function append(page: Buffer, at: number, part: Uint8Array): number {
  page.set(part, at);
  return at + part.length;
}

function writeInteger(page: Buffer, at: number, value: number): number {
  if (value < 0x80) return page.writeUInt8(value, at);
  if (value < 0x100) return page.writeUInt8(value, page.writeUInt8(0xcc, at));
  if (value < 0x1_0000) return page.writeUInt16BE(value, page.writeUInt8(0xcd, at));
  if (value <= 0xffff_ffff) return page.writeUInt32BE(value, page.writeUInt8(0xce, at));
  const high = page.writeUInt32BE(Math.floor(value / 2 ** 32), page.writeUInt8(0xd3, at));
  return page.writeUInt32BE(value % 2 ** 32, high);
}

/** The first bytes of strings and of binary data, by the width of their length. */
const STR = { 5: 0xa0, 8: 0xd9, 16: 0xda, 32: 0xdb } as const;
const BIN = { 5: null, 8: 0xc4, 16: 0xc5, 32: 0xc6 } as const;

function writeData(page: Buffer, at: number, heads: typeof STR | typeof BIN, data: Uint8Array): number {
  return append(page, writeLength(page, at, heads, data.length), data);
}

function writeLength(page: Buffer, at: number, heads: typeof STR | typeof BIN, length: number): number {
  if (heads[5] !== null && length < 32) return page.writeUInt8(heads[5] | length, at);
  if (length < 0x100) return page.writeUInt8(length, page.writeUInt8(heads[8], at));
  if (length < 0x1_0000) return page.writeUInt16BE(length, page.writeUInt8(heads[16], at));
  return page.writeUInt32BE(length, page.writeUInt8(heads[32], at));
}

const HEAD = {
  exact: Buffer.concat([Buffer.from([0x85]), pack('seq')]),
  inexact: Buffer.concat([Buffer.from([0x86]), pack('seq')]),
};
const streamPart = (stream: StreamName): Buffer => Buffer.concat(['stream', stream, 'at'].map(pack));
const STREAM = { stdout: streamPart('stdout'), stderr: streamPart('stderr') };
const partialPart = (partial: boolean): Buffer => Buffer.concat(['partial', partial, 'text'].map(pack));
const PARTIAL = { yes: partialPart(true), no: partialPart(false) };
const BYTES = pack('bytes');

/** The most bytes of a line besides its data: its keys, two integers and two lengths. */
const OVERHEAD = HEAD.exact.length + STREAM.stdout.length + PARTIAL.no.length + BYTES.length + 2 * 9 + 2 * 5;
