import { isUtf8 } from 'node:buffer';

/** The deepest nesting of arrays and maps in one message: a tree of 64 levels has two for each level, and a few around it. */
export const MAX_DEPTH = 160;

/**
 * The most values in one request, keys included: decoding costs time for each, however small, and all other requests wait while one is decoded.
 */
export const MAX_VALUES = 131_072;

/** A request with more values is judged by its head before it is decoded: see `control/large-requests.ts`. */
export const FEW_VALUES = 1024;

/** The readable part of a message's head, even if the rest is broken. */
export interface Head {
  /** The tag: a name, or an index. */
  tag: string | number | null;
  requestId: string | null;
  /** As in the message; `null` if it is missing or of another type. */
  agentId: string | Uint8Array | null;
  /** The operation of a `tree_request`. */
  operation: string | null;
  /** The command of a `control_command` or of a batch. */
  command: string | null;
}

export interface Scan {
  /** The end of the document; further bytes are ignored. `null` when it is invalid. */
  readonly end: number | null;
  /** Why it is invalid, as the end of a sentence. */
  readonly problem: string | null;
}

/**
 * Checks one MessagePack document without building anything, so that a hostile one costs neither stack nor memory: every length is compared with the
 * remaining bytes, nesting and values are counted; extensions (which a decoder may act upon), keys that are not strings and strings that are not UTF-8
 * (which a decoder would alter) are rejected. If `maxValues` is not given, the number of values is not limited. Never throws.
 */
export function scan(bytes: Uint8Array, maxValues: number = Number.POSITIVE_INFINITY): Scan {
  const scanner = new Scanner(bytes, null);
  const problem = bytes.length === 0 ? 'it is empty' : scanner.run(maxValues);
  return { end: problem === null ? scanner.position : null, problem };
}

/** True when a document, which may be broken, has more than so many values. Reads no further. Never throws. */
export function hasMoreValues(bytes: Uint8Array, count: number): boolean {
  // Every value has a byte.
  return bytes.length > count && new Scanner(bytes, newHead()).run(count) === tooMany(count);
}

/** The head of a message that may be broken or truncated, from its first `count` values; if not given, `MAX_VALUES`. Never throws. */
export function headOf(bytes: Uint8Array, count: number = MAX_VALUES): Head {
  const head = newHead();
  new Scanner(bytes, head).run(count);
  return head;
}

function newHead(): Head {
  return { tag: null, requestId: null, agentId: null, operation: null, command: null };
}

function tooMany(count: number): string {
  return `it has more than ${count} values`;
}

/** The first fields of the array form of a command for a single agent. The third one of a `tree_request` is its operation. */
const HEAD = ['type', 'request_id', 'agent_id', 'command_type'] as const;

/** The most bytes of a tag, an id or a name in a head. */
const MAX_NAME = 256;

/** Up to so many bytes a loop is faster than the call of a native function. */
const SHORT = 48;

const SCALAR = 0;
const STR = 1;
const ARRAY = 2;
const MAP = 3;

interface Form {
  readonly kind: number;
  /** The width of the length that follows, in bytes; 0 for a fixed length. */
  readonly width: number;
  readonly length: number;
}

const fixed = (kind: number, length: number): Form => ({ kind, width: 0, length });
const sized = (kind: number, width: number): Form => ({ kind, width, length: 0 });

/** The forms of the first bytes from 0xc0 to 0xdf; `null` for rejected ones: 0xc1 and extensions. */
const SIZED_FORMS: readonly (Form | null)[] = [
  ...[fixed(SCALAR, 0), null, fixed(SCALAR, 0), fixed(SCALAR, 0)],
  ...[sized(SCALAR, 1), sized(SCALAR, 2), sized(SCALAR, 4)],
  ...[null, null, null],
  ...[fixed(SCALAR, 4), fixed(SCALAR, 8)],
  ...[fixed(SCALAR, 1), fixed(SCALAR, 2), fixed(SCALAR, 4), fixed(SCALAR, 8)],
  ...[fixed(SCALAR, 1), fixed(SCALAR, 2), fixed(SCALAR, 4), fixed(SCALAR, 8)],
  ...[null, null, null, null, null],
  ...[sized(STR, 1), sized(STR, 2), sized(STR, 4)],
  ...[sized(ARRAY, 2), sized(ARRAY, 4)],
  ...[sized(MAP, 2), sized(MAP, 4)],
];

/** The form of each first byte. */
const FORMS: readonly (Form | null)[] = Array.from({ length: 256 }, (_, first) => {
  if (first < 0x80 || first >= 0xe0) return fixed(SCALAR, 0);
  if (first < 0x90) return fixed(MAP, first & 0x0f);
  if (first < 0xa0) return fixed(ARRAY, first & 0x0f);
  if (first < 0xc0) return fixed(STR, first & 0x1f);
  return SIZED_FORMS[first - 0xc0] ?? null;
});

class Scanner {
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #head: Head | null;
  /** The number of remaining elements of each open container, the innermost last; a key counts as one. */
  readonly #left: number[] = [];
  readonly #isMap: boolean[] = [];
  /* The present token: its kind, and the length of its payload or its number of elements. */
  #kind = SCALAR;
  #length = 0;
  /* In the outermost container: the number of elements so far, and the last key. */
  #index = 0;
  #key = '';
  /** True in a command that is a map with one key, which is its name: an old spelling of Rust's serializer. */
  #isVariant = false;

  constructor(bytes: Uint8Array, head: Head | null) {
    this.#bytes = bytes;
    this.#head = head;
  }

  /** Returns `null` for a valid document, else the problem. */
  run(maxValues: number): string | null {
    let values = 0;
    do {
      if (++values > maxValues) return tooMany(maxValues);
      const start = this.position;
      const problem = this.#token() ?? this.#place(start);
      if (problem !== null) return `${problem} at byte ${start}`;
    } while (this.#left.length > 0);
    return null;
  }

  #token(): string | null {
    const first = this.#bytes[this.position++];
    if (first === undefined) return 'it ends too early';
    const form = FORMS[first] ?? null;
    if (form === null) return first === 0xc1 ? 'the byte 0xc1 means nothing' : 'extension types are not accepted';
    this.#kind = form.kind;
    this.#length = form.width === 0 ? form.length : this.#number(form.width);
    const atLeast = this.#kind === MAP ? 2 * this.#length : this.#length;
    return this.position + atLeast > this.#bytes.length ? 'it ends too early' : null;
  }

  /** Reads so many bytes; behind the end of the document they count as 0. */
  #number(width: number): number {
    const end = this.position + width;
    let number = 0;
    while (this.position < end) number = number * 256 + (this.#bytes[this.position++] ?? 0);
    return number;
  }

  /** Counts the token in its container, and opens a new container for a list or a map. */
  #place(start: number): string | null {
    const depth = this.#left.length;
    if (depth > 0) {
      const left = this.#left[depth - 1] ?? 0;
      const isKey = this.#isMap[depth - 1] === true && left % 2 === 0;
      if (isKey && this.#kind !== STR) return 'a map key is not a string';
      if (depth === 1 && this.#head !== null) this.#watch(this.#head, isKey, start);
      if (depth === 2 && isKey && this.#isVariant && this.#head !== null) this.#head.command = this.#text();
      this.#left[depth - 1] = left - 1;
    }
    // A head is only read from documents that were rejected already.
    if (this.#kind === STR && this.#head === null && !this.#isText()) return 'a string is not UTF-8';
    if (this.#kind <= STR) this.position += this.#length;
    else if (depth === MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH}`;
    else {
      this.#isMap.push(this.#kind === MAP);
      this.#left.push(this.#kind === MAP ? 2 * this.#length : this.#length);
    }
    while (this.#left.at(-1) === 0) {
      this.#isMap.pop();
      this.#left.pop();
    }
    return null;
  }

  /** Notes the tag, the ids and the names, which are in the outermost container. */
  #watch(head: Head, isKey: boolean, start: number): void {
    const text = this.#text();
    const index = this.#index++;
    if (isKey) {
      this.#key = text ?? '';
      return;
    }
    const isMap = this.#isMap[0] === true;
    const name = isMap ? this.#key : HEAD[index];
    this.#isVariant = name === 'command_type' && this.#kind === MAP && this.#length === 1;
    if (name === 'type') head.tag = text ?? this.#integer(start) ?? this.#bin(start)?.toString('utf8') ?? null;
    if (name === 'request_id') head.requestId = text;
    if (name === 'agent_id') head.agentId = text ?? this.#uuid(start);
    if (name === 'operation' || (name === 'agent_id' && !isMap)) head.operation = text;
    if (name === 'command_type') head.command = text;
  }

  /** The present token, if it is a string of at most `MAX_NAME` bytes. */
  #text(): string | null {
    const isName = this.#kind === STR && this.#length <= MAX_NAME && this.#isText();
    return isName ? this.#view().toString('utf8') : null;
  }

  #isText(): boolean {
    if (this.#length > SHORT) return isUtf8(this.#view());
    const bytes = this.#bytes;
    const end = this.position + this.#length;
    let all = 0;
    for (let at = this.position; at < end; at++) all |= bytes[at] as number;
    return all < 0x80 || isUtf8(this.#view());
  }

  /** The payload of the present token. */
  #view(): Buffer {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.position, this.#length);
  }

  /** An integer from 0 in any form. */
  #integer(start: number): number | null {
    const first = this.#bytes[start] ?? 0xff;
    if (first < 0x80) return first;
    const isInteger = (first >= 0xcc && first <= 0xcf) || (first >= 0xd0 && first <= 0xd3);
    return isInteger ? this.#view().reduce((sum, byte) => sum * 256 + byte, 0) : null;
  }

  /** The 16 bytes of a bin. */
  #uuid(start: number): Uint8Array | null {
    return this.#length === 16 ? this.#bin(start) : null;
  }

  /** The bytes of a bin, if they are at most `MAX_NAME`. */
  #bin(start: number): Buffer | null {
    const first = this.#bytes[start] ?? 0;
    return first >= 0xc4 && first <= 0xc6 && this.#length <= MAX_NAME ? this.#view() : null;
  }
}
