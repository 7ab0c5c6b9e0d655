interface Kept {
  readonly record: number;
  readonly bytes: Buffer;
  /** Only the program that it was made for needs it. */
  readonly isVolatile: boolean;
}

/** The records of one agent, numbered from 1 and kept until they are acknowledged. */
export class Records {
  readonly #limit: number;
  #kept: Kept[] = [];
  #last = 0;
  #size = 0;

  /** `limit`: how many bytes may be unacknowledged before the records count as full. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True when output should not be read: it would make more records. Records of other events are always added. */
  get isFull(): boolean {
    return this.#size >= this.#limit;
  }

  /** True when all are acknowledged. */
  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** Those that are not acknowledged, oldest first. */
  all(): Buffer[] {
    return this.#kept.map(({ bytes }) => bytes);
  }

  /** Adds the record that `encode` makes for the next number; returns it. A volatile one is of no use to a successor of the program. */
  add(encode: (record: number) => Buffer, isVolatile = false): Buffer {
    this.#last += 1;
    const bytes = encode(this.#last);
    this.#kept.push({ record: this.#last, bytes, isVolatile });
    this.#size += bytes.length + OVERHEAD;
    return bytes;
  }

  /** Drops all records up to this number. */
  acknowledge(record: number): void {
    const first = this.#kept.findIndex((each) => each.record > record);
    this.#drop(this.#kept.splice(0, first < 0 ? this.#kept.length : first));
  }

  /** Drops the volatile records: their program is gone. */
  dropVolatile(): void {
    this.#drop(this.#kept.filter(({ isVolatile }) => isVolatile));
    this.#kept = this.#kept.filter(({ isVolatile }) => !isVolatile);
  }

  #drop(dropped: readonly Kept[]): void {
    for (const { bytes } of dropped) this.#size -= bytes.length + OVERHEAD;
  }
}

/** What a short record costs beside its bytes. */
const OVERHEAD = 128;
