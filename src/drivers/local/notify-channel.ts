import type { Readable } from 'node:stream';

/** The descriptor that an agent with readiness `notify` inherits; SUPERTREE_NOTIFY_FD contains its number. */
export const NOTIFY_FD = 3;

/** A longer line is cut: no message of sd_notify(3) is that long. */
const WORD_LIMIT = 4096;

/** Calls `word` with each line of the readiness channel. An empty line is s6's form of READY=1. */
export function readWords(channel: Readable, word: (word: string) => void): void {
  let rest = '';
  const say = (line: string) => word(line.trim() === '' ? 'READY=1' : line.trim().slice(0, WORD_LIMIT));
  channel.setEncoding('utf8');
  channel.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!.slice(0, WORD_LIMIT);
    for (const line of lines) say(line);
  });
  channel.on('end', () => {
    if (rest !== '') say(rest);
  });
  channel.on('error', () => channel.destroy());
}
