import { asSupertreeError, SupertreeError } from '../errors.js';
import { packExact, unpack, unpackUnscanned } from './codec.js';
import { type Fields, invalid, isMap, show, uuidOf } from './kinds.js';
import { packList } from './list-frames.js';
import { hasParts, packedInParts, packWithLastField } from './packed-parts.js';
import { type Draft, MAX_MESSAGE_SIZE, MESSAGES, type Message, type MessageType } from './protocol.js';
import { type Head, headOf, scan } from './scan.js';
import { readFields, writeFields } from './struct.js';
import { batchResult } from './structs.js';

/** An unreadable message, with the fields that an error answer needs. */
export interface Undecodable {
  readonly error: SupertreeError;
  /** Empty when it could not be read. */
  readonly requestId: string;
  readonly type: MessageType | null;
  /** `null` when it could not be read. */
  readonly agentId: string | null;
}

export type Decoded =
  | { readonly ok: true; readonly message: Message<MessageType> }
  | ({ readonly ok: false } & Undecodable);

/**
 * Reads one message in array form, map form, or any mixture of both. Never throws: the error of an unreadable message is MESSAGE_INVALID, MESSAGE_TYPE or
 * MESSAGE_TOO_LARGE. Bytes after the document are ignored. See `scan` for `maxValues`. `refused` is called before anything of a well-formed message is
 * built; unless it returns `null`, its result is the outcome. If not given, nothing is refused.
 */
export function decode(bytes: Uint8Array, maxValues?: number, refused: () => Decoded | null = () => null): Decoded {
  if (bytes.length > MAX_MESSAGE_SIZE) return tooLarge(bytes);
  const { end, problem } = scan(bytes, maxValues);
  if (end === null) return failed(new SupertreeError('MESSAGE_INVALID', { problem }), bytes);
  return refused() ?? build(bytes, end);
}

function build(bytes: Uint8Array, end: number): Decoded {
  const raw = unpack(end === bytes.length ? bytes : bytes.subarray(0, end));
  try {
    const tag = tagOf(raw);
    const type = typeOfTag(tag);
    if (type === null) throw new SupertreeError('MESSAGE_TYPE', { type: show(tag) });
    const message = readFields(MESSAGES[type].fields as Fields, raw, type, { type }) as Message<MessageType>;
    return { ok: true, message };
  } catch (thrown) {
    return failed(asSupertreeError(thrown), bytes);
  }
}

/**
 * Reads a message from the server of a client. As `decode`, but the data of a `tree_response` are neither checked nor copied value by value: with
 * thousands of rows that would cost several times as much as decoding them.
 */
export function decodeAnswer(bytes: Uint8Array): Decoded {
  const message = bytes.length > MAX_MESSAGE_SIZE ? null : treeResponseIn(bytes);
  return message === null ? decode(bytes) : { ok: true, message };
}

/** One message in map form. Throws MESSAGE_TOO_LARGE. */
export function encode<T extends MessageType>(message: Draft<T>): Buffer {
  const bytes = bytesOf(message);
  if (bytes.length > MAX_MESSAGE_SIZE) throw sizeError(bytes.length);
  return bytes;
}

function bytesOf<T extends MessageType>(message: Draft<T>): Buffer {
  // A list is written agent by agent, and rows from cached bytes.
  if (message.type === 'list_agents_response') {
    return packList(bodyOf({ ...message, agents: [] }), message as Draft<'list_agents_response'>);
  }
  const hasData = message.type === 'tree_response' || message.type === 'command_response';
  if (hasData && 'data' in message && hasParts(message.data)) {
    const { data: _, ...body } = bodyOf({ ...message, data: null });
    return packWithLastField({ ...body, data: null }, message.data);
  }
  if (message.type === 'batch_control_response') return packBatch(message as Draft<'batch_control_response'>);
  return packExact(bodyOf(message));
}

/** The data of a result may have parts that are packed already. */
function packBatch(message: Draft<'batch_control_response'>): Buffer {
  if (!message.results.some(({ data }) => hasParts(data))) return packExact(bodyOf(message));
  const { results: _, ...body } = bodyOf({ ...message, results: [] });
  const results = message.results.map((row) => {
    if (!hasParts(row.data)) return batchResult.write(row) as object;
    return packedInParts({ ...(batchResult.write({ ...row, data: null }) as object), data: row.data });
  });
  return packWithLastField({ ...body, results: null }, packedInParts(results));
}

function bodyOf(message: AnyDraft): Record<string, unknown> {
  return writeFields(MESSAGES[message.type].fields as Fields, message as never, { type: message.type });
}

type AnyDraft = Draft<MessageType>;

/** `null` for any other message, and for one of unexpected form, which `decode` then judges. */
function treeResponseIn(bytes: Uint8Array): Message<'tree_response'> | null {
  const raw = unpackUnscanned(bytes);
  if (!isMap(raw) || raw.type !== 'tree_response') return null;
  const { request_id, success, data = null, error = null, code = null, remedy = null, details = null } = raw;
  if (typeof request_id !== 'string' || typeof success !== 'boolean') return null;
  if (!isText(error) || !isText(code) || !isText(remedy)) return null;
  return { type: 'tree_response', request_id, success, data, error, code, remedy, details };
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string';
}

function tagOf(raw: unknown): unknown {
  const tag = Array.isArray(raw) ? raw[0] : isMap(raw) ? raw.type : undefined;
  if (tag === undefined) throw invalid('type', 'must be the first element or the key "type"', raw);
  return tag instanceof Uint8Array ? Buffer.from(tag).toString('utf8') : tag;
}

/** The message type of a tag: a name, or an index of the agent protocol in any width. `null` for an unknown tag. */
export function typeOfTag(tag: unknown): MessageType | null {
  if (typeof tag === 'string') return Object.hasOwn(MESSAGES, tag) ? (tag as MessageType) : null;
  const index = typeof tag === 'bigint' ? Number(tag) : tag;
  return typeof index === 'number' ? (BY_INDEX.get(index) ?? null) : null;
}

const BY_INDEX = new Map<number | null, MessageType>(
  (Object.keys(MESSAGES) as MessageType[])
    .filter((type) => MESSAGES[type].index !== null)
    .map((type) => [MESSAGES[type].index, type]),
);

function failed(error: SupertreeError, bytes: Uint8Array): { ok: false } & Undecodable {
  return undecoded(error, headOf(bytes));
}

/** The outcome for a message of which only the head was read. */
export function undecoded(error: SupertreeError, { tag, requestId, agentId }: Head): { ok: false } & Undecodable {
  return { ok: false, error, requestId: requestId ?? '', type: typeOfTag(tag), agentId: uuidOf(agentId) };
}

/** The length of the part of an unread message in which its ids are searched. */
const HEAD_BYTES = 4096;

/** Reads the head of a message for its error answer, without decoding all of it. */
export function undecodedHead(bytes: Uint8Array, error: SupertreeError): Decoded {
  return failed(error, bytes.subarray(0, HEAD_BYTES));
}

function tooLarge(bytes: Uint8Array): Decoded {
  return undecodedHead(bytes, sizeError(bytes.length));
}

function sizeError(size: number): SupertreeError {
  return new SupertreeError('MESSAGE_TOO_LARGE', { size, max: MAX_MESSAGE_SIZE });
}
