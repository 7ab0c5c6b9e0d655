const PLAIN = /^[\x20-\x7e]*$/;
const ZERO = /^[\p{Mark}\p{Cf}\p{Cc}]/u;
/** East Asian wide and fullwidth blocks (UAX #11), and characters that are drawn as emoji by default. */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** The number of terminal columns that `text` occupies. It must not contain escape sequences. */
export function displayWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes(text)) width += columnsOf(segment);
  return width;
}

/** `text` padded with spaces to `width` columns; longer text is returned unchanged. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - displayWidth(text)));
}

/** `text` cut to `width` columns, the last one an ellipsis; shorter text is returned unchanged. */
export function truncate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (PLAIN.test(text)) return `${text.slice(0, Math.max(0, width - 1))}…`;
  let cut = '';
  let used = 1;
  for (const { segment } of graphemes(text)) {
    used += columnsOf(segment);
    if (used > width) break;
    cut += segment;
  }
  return `${cut}…`;
}

/** `text` cut to `width` columns, with an ellipsis in its middle; shorter text is returned unchanged. */
export function abbreviate(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  const parts = PLAIN.test(text) ? [...text] : [...graphemes(text)].map(({ segment }) => segment);
  const head = within(parts, width - 1 - tail);
  return `${head.join('')}…${within(parts.toReversed(), tail).toReversed().join('')}`;
}

/** The first parts that fit into so many columns. */
function within(parts: readonly string[], room: number): string[] {
  const taken: string[] = [];
  let used = 0;
  for (const part of parts) {
    used += columnsOf(part);
    if (used > room) break;
    taken.push(part);
  }
  return taken;
}

function columnsOf(grapheme: string): number {
  if (ZERO.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}

/** Made on first use: it takes 15 ms, and most output is ASCII. */
let segmenter: Intl.Segmenter | undefined;

function graphemes(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(text);
}
