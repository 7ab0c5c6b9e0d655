import { writeSync } from 'node:fs';

/**
 * Writes lines of JSON to a descriptor, each passed to the kernel before `write` returns. A line that cannot be written is lost and counted; the next
 * one is tried again, preceded by a line with the number of lost lines.
 */
export class LineFile {
  readonly #fd: number;
  readonly #fields: object;
  #lost = 0;
  /** Part of a line was written before the disk was full: the next line must start on a new line. */
  #torn = false;

  /** `fields` are further fields of the line about lost lines. */
  constructor(fd: number, fields: object = {}) {
    this.#fd = fd;
    this.#fields = fields;
  }

  /** The number of consecutive lines that could not be written, up to now. */
  get lost(): number {
    return this.#lost;
  }

  /** Writes a whole line. Throws the system's error; the line is lost. */
  write(line: string): void {
    const gap = this.#lost > 0 ? this.#gap(this.#lost) : '';
    try {
      this.#writeAll(Buffer.from(`${this.#torn ? '\n' : ''}${gap}${line}`));
      this.#lost = 0;
    } catch (thrown) {
      this.#lost++;
      throw thrown;
    }
  }

  #writeAll(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(this.#fd, bytes, at);
      this.#torn = at < bytes.length;
    }
  }

  #gap(lost: number): string {
    const msg = `${lost} ${lost === 1 ? 'line that belongs' : 'lines that belong'} here could not be written`;
    return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), ...this.#fields, lost, msg })}\n`;
  }
}
