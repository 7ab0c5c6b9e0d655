import type { Host, Sink } from './host.js';
import { styledText } from './terminal.js';

/** An output that shows one picture after another. */
export interface Screen {
  /** True when each picture replaces the previous one. */
  readonly inPlace: boolean;
  /** The most lines of a picture. */
  readonly rows: number;
  /** Resolves with `false` when the reader of the output has gone. */
  show(lines: readonly string[]): Promise<boolean>;
  close(): void;
}

/** The alternate screen without a cursor, and the way back (xterm control sequences: DECSET 1049 and 25). */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

/**
 * On a terminal each picture overwrites the previous one without flicker; elsewhere pictures follow each other, with a blank line between them if
 * `spaced`. Lines for a terminal must not be wider than it.
 */
export function openScreen(host: Host, spaced: boolean): Screen {
  const { out } = host;
  const inPlace = spaced && canDrawOver(host);
  const endless = Number.POSITIVE_INFINITY;
  if (!inPlace) {
    return { inPlace, rows: endless, show: (lines) => append(out, spaced ? [...lines, ''] : lines), close: () => {} };
  }
  out.write(ENTER, 'raw');
  let last: readonly string[] = [];
  const draw = (lines: readonly string[]) => write(out, `\x1b[H${lines.map(overwritten).join('\r\n')}`, 'raw');
  const unguard = host.guardTerminal?.(ENTER, LEAVE, () => void draw(last));
  return {
    inPlace,
    get rows() {
      return out.rows ?? endless;
    },
    show: (lines) => {
      last = lines;
      return draw(lines);
    },
    close: () => {
      unguard?.();
      out.write(LEAVE, 'raw');
    },
  };
}

/** True for a terminal that supports cursor movement. */
export function canDrawOver({ out, env }: Host): boolean {
  return out.terminal && env.TERM !== 'dumb';
}

/** The line is erased first: erased after its text, a line of full width would lose its last character. */
function overwritten(line: string, index: number, { length }: readonly string[]): string {
  return `${index === length - 1 ? '\x1b[J' : '\x1b[K'}${styledText(line)}`;
}

function append(out: Sink, lines: readonly string[]): Promise<boolean> {
  return write(out, lines.map((line) => `${line}\n`).join(''), 'styled');
}

async function write(out: Sink, text: string, as: 'styled' | 'raw'): Promise<boolean> {
  out.write(text, as);
  return (await out.drained?.()) ?? true;
}
