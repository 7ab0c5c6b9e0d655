/** How deep arrays and maps may be nested in one message. */
export const MAX_DEPTH = 64;

/** What could be read of a message's head, even if the rest of it is broken. */
export interface Head {
  /** The tag: its name, or its index. */
  tag: string | number | null;
  requestId: string | null;
}

export interface Scan {
  readonly head: Head;
  /** Where the document ends; what follows is not looked at. `null` when it is not a document. */
  readonly end: number | null;
  /** Why it is not a document, as the end of a sentence. */
  readonly problem: string | null;
}

/**
 * Walks over one MessagePack document without building anything, so that a hostile one costs neither stack nor memory:
 * every length is compared with the bytes that are left, nesting is counted, extensions (which a decoder may act upon)
 * and keys that are not strings are refused. Never throws.
 */
export function scan(bytes: Uint8Array): Scan {
  const scanner = new Scanner(bytes);
  const problem = bytes.length === 0 ? 'it is empty' : scanner.run();
  return { head: scanner.head, end: problem === null ? scanner.position : null, problem };
}

const SCALAR = 0;
const STR = 1;
const ARRAY = 2;
const MAP = 3;

/** Bytes behind the first one, for the forms of fixed size. */
const FIXED = new Map<number, number>([
  [0xc0, 0],
  [0xc2, 0],
  [0xc3, 0],
  [0xca, 4],
  [0xcb, 8],
  [0xcc, 1],
  [0xcd, 2],
  [0xce, 4],
  [0xcf, 8],
  [0xd0, 1],
  [0xd1, 2],
  [0xd2, 4],
  [0xd3, 8],
]);

/** Kind and width of the length, for the forms that carry one. */
const SIZED = new Map<number, readonly [kind: number, width: number]>([
  [0xc4, [SCALAR, 1]],
  [0xc5, [SCALAR, 2]],
  [0xc6, [SCALAR, 4]],
  [0xd9, [STR, 1]],
  [0xda, [STR, 2]],
  [0xdb, [STR, 4]],
  [0xdc, [ARRAY, 2]],
  [0xdd, [ARRAY, 4]],
  [0xde, [MAP, 2]],
  [0xdf, [MAP, 4]],
]);

interface Open {
  readonly map: boolean;
  readonly total: number;
  left: number;
}

class Scanner {
  readonly head: Head = { tag: null, requestId: null };
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #open: Open[] = [];
  #key = '';
  /* The token just read: its kind, its payload's length or its number of elements. */
  #kind = SCALAR;
  #length = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** `null`, or why this is not a document. */
  run(): string | null {
    do {
      const start = this.position;
      const problem = this.#token() ?? this.#place(start);
      if (problem !== null) return `${problem} at byte ${start}`;
    } while (this.#open.length > 0);
    return null;
  }

  #token(): string | null {
    const first = this.#bytes[this.position++];
    if (first === undefined) return 'it ends too early';
    if (first < 0x80 || first >= 0xe0) return this.#set(SCALAR, 0);
    if (first < 0x90) return this.#set(MAP, first & 0x0f);
    if (first < 0xa0) return this.#set(ARRAY, first & 0x0f);
    if (first < 0xc0) return this.#set(STR, first & 0x1f);
    const fixed = FIXED.get(first);
    if (fixed !== undefined) return this.#set(SCALAR, fixed);
    const sized = SIZED.get(first);
    if (sized === undefined) return first === 0xc1 ? 'the byte 0xc1 means nothing' : 'extension types are not accepted';
    return this.#sized(sized[0], sized[1]);
  }

  #sized(kind: number, width: number): string | null {
    if (this.position + width > this.#bytes.length) return 'it ends too early';
    const at = this.position;
    this.position += width;
    const length =
      width === 1 ? this.#view.getUint8(at) : width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
    return this.#set(kind, length);
  }

  #set(kind: number, length: number): string | null {
    this.#kind = kind;
    this.#length = length;
    const atLeast = kind === MAP ? 2 * length : length;
    return this.position + atLeast > this.#bytes.length ? 'it ends too early' : null;
  }

  /** Takes the token into the container it stands in, and opens a new one if it is one. */
  #place(start: number): string | null {
    const inside = this.#open.at(-1);
    if (inside !== undefined) {
      const isKey = inside.map && inside.left % 2 === 0;
      if (isKey && this.#kind !== STR) return 'a map key is not a string';
      if (this.#open.length === 1) this.#watch(inside, isKey, start);
      inside.left--;
    }
    if (this.#kind === SCALAR || this.#kind === STR) this.position += this.#length;
    else if (!this.#enter()) return `it is nested deeper than ${MAX_DEPTH}`;
    while (this.#open.at(-1)?.left === 0) this.#open.pop();
    return null;
  }

  #enter(): boolean {
    if (this.#open.length === MAX_DEPTH) return false;
    const map = this.#kind === MAP;
    const total = map ? 2 * this.#length : this.#length;
    this.#open.push({ map, total, left: total });
    return true;
  }

  /** Keeps the tag and the request id, which stand in the outermost container. */
  #watch(inside: Open, isKey: boolean, start: number): void {
    const text = this.#kind === STR && this.#length <= 256 ? this.#text() : null;
    if (isKey) {
      this.#key = text ?? '';
      return;
    }
    const index = inside.total - inside.left;
    const isTag = inside.map ? this.#key === 'type' : index === 0;
    const isId = inside.map ? this.#key === 'request_id' : index === 1;
    if (isTag) this.head.tag = text ?? this.#small(start);
    if (isId) this.head.requestId = text;
  }

  #text(): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.position, this.#length).toString('utf8');
  }

  #small(start: number): number | null {
    const first = this.#bytes[start] ?? 0xff;
    return first < 0x80 ? first : null;
  }
}
