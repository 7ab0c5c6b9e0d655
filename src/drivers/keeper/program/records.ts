/** The records of one agent, numbered from 1 and kept until they are acknowledged. */
export class Records {
  readonly #limit: number;
  readonly #kept: Buffer[] = [];
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

  /** Adds the record that `encode` makes for the next number; returns it. */
  add(encode: (record: number) => Buffer): Buffer {
    this.#last += 1;
    const record = encode(this.#last);
    this.#kept.push(record);
    this.#size += record.length + OVERHEAD;
    return record;
  }

  /** Drops all records up to this number. */
  acknowledge(record: number): void {
    const first = this.#last - this.#kept.length + 1;
    const acknowledged = this.#kept.splice(0, Math.max(0, record - first + 1));
    for (const { length } of acknowledged) this.#size -= length + OVERHEAD;
  }
}

/** What a short record costs beside its bytes. */
const OVERHEAD = 128;
