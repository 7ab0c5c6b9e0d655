import { writeSync } from 'node:fs';

/**
 * Lines of JSON on a descriptor, each handed to the kernel before `write` returns. What could not be written is lost and counted; the next
 * line is tried again, and where lines are missing a line says how many.
 */
export class LineFile {
  readonly #fd: number;
  readonly #fields: object;
  #lost = 0;
  /** Part of a line was written before the disk was full: the next line must not go on in it. */
  #torn = false;

  /** `fields` are what the line about lost lines says besides. */
  constructor(fd: number, fields: object = {}) {
    this.#fd = fd;
    this.#fields = fields;
  }

  /** How many lines in a row could not be written, up to now. */
  get lost(): number {
    return this.#lost;
  }

  /** Takes a whole line. Throws what the system said; the line is lost. */
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
