import { readFileSync } from 'node:fs';

/** The fenced pieces of one language in a page, in order. */
export function fenced(page: string, language: string): string[] {
  const pieces = readFileSync(page, 'utf8').matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'));
  return [...pieces].map(([, text = '']) => text);
}

/** The bytes of a piece that has them in hex at the beginning of each line, two spaces before what it says of them. */
export function bytesIn(hex: string): Buffer {
  const digits = hex.split('\n').map((line) => line.trim().split('  ', 1)[0]?.replaceAll(' ', '') ?? '');
  return Buffer.from(digits.join(''), 'hex');
}
