/*
 * Foreign text (ids, metadata, output, command lines, answers of a server) made safe for a terminal: nothing in it moves the cursor, changes a colour or
 * a title, triggers a reply of the terminal, or reorders characters.
 */

/** C0, DEL and C1 controls, Unicode's Bidi_Control, and the two separators that some terminals take for line ends. */
const CONTROL_CHARACTERS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** What `terminalText` keeps: newlines, tabs, and the CR of a CRLF. */
const TERMINAL_CONTROLS = /(?!\n|\t|\r\n)[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** `text` on one line, with every control character spelled out. */
export function printable(text: string): string {
  return text.replace(CONTROL_CHARACTERS, escaped);
}

/** `text` with every control character spelled out, except newlines and tabs. JSON stays equivalent JSON. */
export function terminalText(text: string): string {
  return text.replace(TERMINAL_CONTROLS, escaped);
}

function escaped(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\t') return '\\t';
  const code = char.charCodeAt(0).toString(16);
  // JSON has escaped those below U+0020 itself, and needs the form \u for the rest.
  return char < ' ' ? `\\x${code.padStart(2, '0')}` : `\\u${code.padStart(4, '0')}`;
}
