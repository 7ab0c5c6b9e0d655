import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** The descriptor that an agent with readiness `notify` inherits; SUPERTREE_NOTIFY_FD contains its number. */
export const NOTIFY_FD = 3;

/** A longer line is cut: no message of sd_notify(3) is that long. */
const WORD_LIMIT = 4096;

/** Cuts the bytes of a readiness channel into lines. An empty line is s6's form of READY=1. */
export class WordReader {
  readonly #word: (word: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** `word` is called with each line. */
  constructor(word: (word: string) => void) {
    this.#word = word;
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(bytes))).split('\n');
    this.#rest = lines.pop()!.slice(0, WORD_LIMIT);
    for (const line of lines) this.#say(line);
  }

  /** The channel is at its end: what follows the last line end is a line as well. */
  end(): void {
    if (this.#rest !== '') this.#say(this.#rest);
    this.#rest = '';
  }

  #say(line: string): void {
    this.#word(line.trim() === '' ? 'READY=1' : line.trim().slice(0, WORD_LIMIT));
  }
}

/** Calls `word` with each line of the readiness channel. */
export function readWords(channel: Readable, word: (word: string) => void): void {
  const reader = new WordReader(word);
  channel.on('data', (bytes: Buffer) => reader.push(bytes));
  channel.on('end', () => reader.end());
  channel.on('error', () => channel.destroy());
}
