/** One MessagePack value with its form, as a reader in another language meets it. */
export type Node =
  | { readonly form: 'nil' }
  | { readonly form: 'bool'; readonly value: boolean }
  | { readonly form: 'int'; readonly value: bigint }
  | { readonly form: 'float'; readonly value: number }
  | { readonly form: 'str'; readonly value: string }
  | { readonly form: 'bin'; readonly value: Buffer }
  | { readonly form: 'ext' }
  | { readonly form: 'array'; readonly items: readonly Node[] }
  | { readonly form: 'map'; readonly entries: readonly (readonly [Node, Node])[] };

/** Reads the first document of some bytes, from the MessagePack specification and from nothing of ours. Throws on what is none. */
export function readNode(bytes: Uint8Array): Node {
  return new Reader(bytes).next();
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  next(): Node {
    const first = Number(this.#unsigned(1));
    if (first < 0x80) return { form: 'int', value: BigInt(first) };
    if (first >= 0xe0) return { form: 'int', value: BigInt(first - 0x100) };
    if (first < 0x90) return this.#map(first & 0x0f);
    if (first < 0xa0) return this.#array(first & 0x0f);
    if (first < 0xc0) return this.#str(first & 0x1f);
    return this.#sized(first);
  }

  #sized(first: number): Node {
    if (first === 0xc0) return { form: 'nil' };
    if (first === 0xc2 || first === 0xc3) return { form: 'bool', value: first === 0xc3 };
    if (first >= 0xc4 && first <= 0xc6) return { form: 'bin', value: this.#take(this.#length(1 << (first - 0xc4))) };
    if (first === 0xca) return { form: 'float', value: this.#take(4).readFloatBE() };
    if (first === 0xcb) return { form: 'float', value: this.#take(8).readDoubleBE() };
    if (first >= 0xcc && first <= 0xcf) return { form: 'int', value: this.#unsigned(1 << (first - 0xcc)) };
    if (first >= 0xd0 && first <= 0xd3) return { form: 'int', value: this.#signed(1 << (first - 0xd0)) };
    if (first >= 0xd9 && first <= 0xdb) return this.#str(this.#length(1 << (first - 0xd9)));
    if (first === 0xdc || first === 0xdd) return this.#array(this.#length(first === 0xdc ? 2 : 4));
    if (first === 0xde || first === 0xdf) return this.#map(this.#length(first === 0xde ? 2 : 4));
    return { form: 'ext' };
  }

  #array(length: number): Node {
    return { form: 'array', items: Array.from({ length }, () => this.next()) };
  }

  #map(length: number): Node {
    return { form: 'map', entries: Array.from({ length }, () => [this.next(), this.next()] as const) };
  }

  #str(length: number): Node {
    return {
      form: 'str',
      value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#take(length)),
    };
  }

  #length(width: number): number {
    return Number(this.#unsigned(width));
  }

  #unsigned(width: number): bigint {
    return [...this.#take(width)].reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  }

  #signed(width: number): bigint {
    return BigInt.asIntN(width * 8, this.#unsigned(width));
  }

  #take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Error('unexpected end of input');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
