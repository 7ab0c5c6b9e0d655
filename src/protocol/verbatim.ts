import { isMap } from './kinds.js';
import { alreadyPacked, packedInParts } from './packed-parts.js';
import type { Draft, Message, MessageType } from './protocol.js';

/**
 * Replaces parameters that an answer, or a result of a batch, repeats from its request by their original bytes. Decoded and encoded again, `1.0` would be the
 * integer 1, `-0.0` would be 0, and integer keys would change their order: JavaScript cannot distinguish these. Any other answer is returned unchanged.
 * `request` is the bytes of `message`.
 */
export function repeatedVerbatim(
  answer: Draft<MessageType>,
  message: Message<MessageType>,
  request: Uint8Array,
): Draft<MessageType> {
  const params = paramsOf(message);
  if (params === null || !repeats(answer, params.value)) return answer;
  const raw = valueAt(Buffer.from(request.buffer, request.byteOffset, request.length), params.steps);
  if (raw === null) return answer;
  const verbatim = <T>(data: T): T =>
    isRepetition(data, params.value) ? (packedInParts({ ...data, result: alreadyPacked(raw) }) as T) : data;
  if (answer.type === 'command_response') return { ...answer, data: verbatim(answer.data) };
  if (answer.type !== 'batch_control_response') return answer;
  return { ...answer, results: answer.results.map((row) => ({ ...row, data: verbatim(row.data) })) };
}

function repeats(answer: Draft<MessageType>, params: unknown): boolean {
  if (answer.type === 'command_response') return answer.success === true && isRepetition(answer.data, params);
  return answer.type === 'batch_control_response' && answer.results.some(({ data }) => isRepetition(data, params));
}

function isRepetition(data: unknown, params: unknown): data is { readonly result: unknown } {
  return isMap(data) && Object.is(data.result, params);
}

/** A key in map form, an index in array form. */
type Step = readonly [key: string, index: number];

interface Params {
  readonly value: unknown;
  readonly steps: readonly Step[];
}

/** The parameters of a custom action, and their place in the message; `null` without any. */
function paramsOf(message: Message<MessageType>): Params | null {
  if (message.type === 'custom_action_request') return given(message.params, [['params', 4]]);
  const isCommand = message.type === 'control_command' || message.type === 'batch_control_command';
  if (!isCommand || message.command_type !== 'custom_action') return null;
  const { params } = (message.payload ?? {}) as { params?: unknown };
  return given(params, [PAYLOAD, ['params', -1]]);
}

const PAYLOAD: Step = ['payload', 4];

function given(value: unknown, steps: readonly Step[]): Params | null {
  return value === undefined || value === null ? null : { value, steps };
}

/** The bytes of a value; `null` when it is not found, or contains bytes, which an answer writes as a list. */
function valueAt(bytes: Buffer, steps: readonly Step[]): Buffer | null {
  let start: number | null = 0;
  for (const step of steps) start = start === null ? null : memberAt(bytes, start, step);
  if (start === null) return null;
  const { end, hasBinary } = extentOf(bytes, start);
  if (hasBinary) return null;
  // A copy: the answer may be kept for longer than the request.
  const raw = Buffer.allocUnsafeSlow(end - start);
  bytes.copy(raw, 0, start, end);
  return raw;
}

/** The position of a member's value; for a duplicate key the last one, which decoders keep. */
function memberAt(bytes: Buffer, at: number, [key, index]: Step): number | null {
  const { next, items, isMap } = headAt(bytes, at);
  let found: number | null = null;
  for (let item = 0, from = next; item < items; item++) {
    const { end } = extentOf(bytes, from);
    if (isMap ? item % 2 === 0 && textAt(bytes, from, end) === key : item === index) found = isMap ? end : from;
    from = end;
  }
  return found;
}

function textAt(bytes: Buffer, start: number, end: number): string {
  const first = bytes.readUInt8(start);
  const head = first < 0xc0 ? 1 : 1 + widthOf(first - 0xd9);
  return bytes.toString('utf8', start + head, end);
}

/** The end of the value at `at`, in a document that `scan` has accepted. */
function extentOf(bytes: Buffer, at: number): { readonly end: number; readonly hasBinary: boolean } {
  let end = at;
  let hasBinary = false;
  for (let left = 1; left > 0; left--) {
    const head = headAt(bytes, end);
    hasBinary ||= head.isBinary;
    end = head.next;
    left += head.items;
  }
  return { end, hasBinary };
}

interface ValueHead {
  /** The position after the head; the items of a list or a map, keys included, follow there. */
  readonly next: number;
  readonly items: number;
  readonly isMap: boolean;
  readonly isBinary: boolean;
}

function headAt(bytes: Buffer, at: number): ValueHead {
  const first = bytes.readUInt8(at);
  if (first < 0x80 || first >= 0xe0) return scalar(at + 1);
  if (first < 0x90) return container(at + 1, 2 * (first & 0x0f), true);
  if (first < 0xa0) return container(at + 1, first & 0x0f, false);
  if (first < 0xc0) return scalar(at + 1 + (first & 0x1f));
  if (first >= 0xdc) return sizedContainer(bytes, at, first);
  return scalar(at + 1 + (FIXED[first] ?? sizedLength(bytes, at, first)), first >= 0xc4 && first <= 0xc6);
}

/** The number of bytes after the first one, for nil, booleans, floats and integers. */
const FIXED: Readonly<Record<number, number>> = {
  ...{ 192: 0, 194: 0, 195: 0, 202: 4, 203: 8 },
  ...{ 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 },
};

/** For bin (0xc4 to 0xc6) and str (0xd9 to 0xdb): the size of the length and of the payload. */
function sizedLength(bytes: Buffer, at: number, first: number): number {
  const width = widthOf(first >= 0xd9 ? first - 0xd9 : first - 0xc4);
  return width + bytes.readUIntBE(at + 1, width);
}

function sizedContainer(bytes: Buffer, at: number, first: number): ValueHead {
  const width = first % 2 === 0 ? 2 : 4;
  const count = bytes.readUIntBE(at + 1, width);
  const isMap = first >= 0xde;
  return container(at + 1 + width, isMap ? 2 * count : count, isMap);
}

function widthOf(step: number): number {
  return 1 << step;
}

function scalar(next: number, isBinary = false): ValueHead {
  return { next, items: 0, isMap: false, isBinary };
}

function container(next: number, items: number, isMap: boolean): ValueHead {
  return { next, items, isMap, isBinary: false };
}
