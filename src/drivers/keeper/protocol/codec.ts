import { Packr, Unpackr } from 'msgpackr';
import { messageOf } from '../../../errors.js';
import {
  type FieldType,
  FROM_KEEPER,
  KEEPER_VERSION,
  type MessageOf,
  type MessageTable,
  OLDEST_VERSION,
  TO_KEEPER,
} from './messages.js';

/** The longest message: more than the arguments and the environment that Linux accepts. */
export const MAX_MESSAGE = 8_388_608;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** What a keeper sends before its first message. */
export const GREETING: Uint8Array = Uint8Array.of(KEEPER_VERSION);

/** What a program answers to a keeper of that version. */
export function answerTo(version: number): Uint8Array {
  return Uint8Array.of(Math.min(version, KEEPER_VERSION));
}

/** One message as its length in four bytes, the highest first, and a MessagePack array of the number and the fields. */
export interface Codec<Message> {
  encode(message: Message): Buffer;
  /** Throws a plain sentence about a message that the table does not have. `null` for an unknown number, where the other side is of a newer release. */
  decode(bytes: Uint8Array, isNewer?: boolean): Message | null;
}

export const toKeeper: Codec<MessageOf<typeof TO_KEEPER>> = codecOf(TO_KEEPER);
export const fromKeeper: Codec<MessageOf<typeof FROM_KEEPER>> = codecOf(FROM_KEEPER);

type Fields = Record<string, unknown>;

function codecOf<T extends MessageTable>(table: T): Codec<MessageOf<T>> {
  const shapes = new Map(Object.entries(table).map(([type, { code, fields }]) => [code, { type, ...split(fields) }]));
  const byName = new Map([...shapes].map(([code, shape]) => [shape.type, { code, names: shape.names }]));
  return {
    encode(message) {
      const { code, names } = byName.get(message.type as string)!;
      const body = packr.pack([code, ...names.map((name) => (message as Fields)[name])]);
      const frame = Buffer.allocUnsafe(LENGTH + body.length);
      frame.writeUInt32BE(body.length);
      frame.set(body, LENGTH);
      return frame;
    },
    decode(bytes, isNewer = false) {
      const document: unknown = unpackr.unpack(bytes);
      if (!Array.isArray(document)) throw new Error('a message is not an array');
      const shape = shapes.get(document[0]);
      if (shape === undefined && isNewer) return null;
      if (shape === undefined) throw new Error(`there is no message ${String(document[0])}`);
      if (document.length !== shape.names.length + 1) throw new Error(`${shape.type} has ${document.length} parts`);
      const message: Fields = { type: shape.type };
      for (const [index, name] of shape.names.entries()) {
        const value: unknown = document[index + 1];
        if (!FITS[shape.types[index]!](value)) throw new Error(`${name} of ${shape.type} is no ${shape.types[index]}`);
        message[name] = value;
      }
      return message as MessageOf<T>;
    },
  };
}

function split(fields: MessageTable[string]['fields']): { names: string[]; types: FieldType[] } {
  return { names: Object.keys(fields), types: Object.values(fields) };
}

const FITS: Readonly<Record<FieldType, (value: unknown) => boolean>> = {
  size: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  time: (value) => typeof value === 'number' && !Number.isNaN(value),
  flag: (value) => typeof value === 'boolean',
  text: (value) => typeof value === 'string',
  'text or null': (value) => value === null || typeof value === 'string',
  bytes: (value) => value instanceof Uint8Array,
  'number or null': (value) => value === null || typeof value === 'number',
};

/**
 * Cuts a stream of bytes into the messages of one side. A stream that violates the protocol has a `problem` for ever: nothing that follows can be trusted,
 * so the connection is to be closed.
 */
export class MessageReader<Message> {
  readonly #codec: Codec<Message>;
  readonly #limit: number;
  readonly #newest: number;
  #rest: Buffer = EMPTY;
  /** What came after `rest` and does not complete a message: joined to it once, so that a long message is not copied at each read. */
  #later: Uint8Array[] = [];
  #size = 0;
  /** The size from which on the next step is possible. */
  #needed = 1;
  #version: number | null = null;
  #problem: string | null = null;

  /** `limit`: the longest message in bytes; if not given, MAX_MESSAGE. `newest`: the newest version that may come; if not given, that of this release. */
  constructor(codec: Codec<Message>, { limit = MAX_MESSAGE, newest = KEEPER_VERSION } = {}) {
    this.#codec = codec;
    this.#limit = limit;
    this.#newest = newest;
  }

  /** The version that the other side has sent; `null` before. */
  get version(): number | null {
    return this.#version;
  }

  /** Why the stream cannot be read further; `null` while it can. */
  get problem(): string | null {
    return this.#problem;
  }

  /** True when the bytes so far end with a part of a message. */
  get isCut(): boolean {
    return this.#size > 0;
  }

  /** The whole messages that these bytes complete, in order, without those that only a newer release knows; none after a problem. */
  *push(bytes: Uint8Array): Generator<Message, void> {
    if (this.#problem !== null) return;
    this.#later.push(bytes);
    this.#size += bytes.length;
    if (this.#size < this.#needed) return;
    this.#join();
    if (!this.#greeted()) return;
    for (let message = this.#next(); message !== undefined; message = this.#next()) if (message !== null) yield message;
  }

  #join(): void {
    const [only] = this.#later;
    if (this.#rest.length > 0 || this.#later.length > 1) this.#rest = Buffer.concat([this.#rest, ...this.#later]);
    else if (only) this.#rest = Buffer.from(only.buffer, only.byteOffset, only.length);
    this.#later = [];
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    this.#size -= length;
    return taken;
  }

  #greeted(): boolean {
    if (this.#version !== null) return true;
    const version = this.#take(1)[0]!;
    const isUnderstood = version >= OLDEST_VERSION && version <= this.#newest;
    if (isUnderstood) this.#version = version;
    else this.#fail(`it speaks version ${version} of the protocol, not ${OLDEST_VERSION} to ${KEEPER_VERSION}`);
    return isUnderstood;
  }

  /** `null` for a message that only a newer release knows. */
  #next(): Message | null | undefined {
    if (this.#problem !== null || !this.#has(LENGTH)) return undefined;
    const length = this.#rest.readUInt32BE();
    if (length > this.#limit) return this.#fail(`a message has ${length} bytes, the limit is ${this.#limit}`);
    if (!this.#has(LENGTH + length)) return undefined;
    const frame = this.#take(LENGTH + length);
    try {
      return this.#codec.decode(frame.subarray(LENGTH), this.#version! > KEEPER_VERSION);
    } catch (thrown) {
      return this.#fail(messageOf(thrown));
    }
  }

  #has(length: number): boolean {
    this.#needed = length;
    return this.#size >= length;
  }

  #fail(problem: string): undefined {
    this.#problem ??= problem;
    this.#rest = EMPTY;
    this.#later = [];
    this.#size = 0;
  }
}

const LENGTH = 4;
const EMPTY = Buffer.alloc(0);
