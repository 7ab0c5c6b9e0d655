/** The last line of what was written that is not blank. */
export class LastLine {
  #end = Buffer.alloc(0);
  #last = '';

  push(bytes: Uint8Array): void {
    const lines = Buffer.concat([this.#end, bytes.subarray(-LONGEST)]);
    const cut = lines.lastIndexOf(NEWLINE) + 1;
    this.#last = lastOf(lines.toString('utf8', 0, cut)) || this.#last;
    this.#end = lines.subarray(Math.max(cut, lines.length - LONGEST));
  }

  /** Cut after so many characters; empty without one. */
  get text(): string {
    return (lastOf(this.#end.toString('utf8')) || this.#last).slice(0, LONGEST_TEXT);
  }
}

function lastOf(text: string): string {
  return text.trimEnd().split('\n').at(-1)!.trim();
}

const NEWLINE = 0x0a;
const LONGEST = 4096;
const LONGEST_TEXT = 256;
