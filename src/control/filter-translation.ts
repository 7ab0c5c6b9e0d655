/** A regular expression in JavaScript's syntax with the flag u. */
interface Translation {
  readonly source: string;
  /** A construct of the pattern that JavaScript does not have; `null` when there is none. */
  readonly unknown: string | null;
}

/**
 * Translates constructs of other languages: `(?P<name>)`, `\A`, `\z` and `\Z` (a line has no line end here), `\x{41}`, `\pL`, `{,3}`, classes such as
 * `[:digit:]` within brackets, literal braces and brackets, and a needless backslash. A backslash before a letter without a meaning is reported: without
 * the flag u it would stand for the letter, and the pattern would mean something else than its author intended.
 */
export function translatePattern(pattern: string, dotMatchesAll = false): Translation {
  let inClass = false;
  let unknown: string | null = null;
  const source = pattern.replace(CONSTRUCT, (construct) => {
    const isPlain = construct === '.' && (inClass || dotMatchesAll);
    const written = isPlain ? construct : inClass ? translateInClass(construct) : translateOutsideClass(construct);
    inClass = construct === '[' || (inClass && construct !== ']' && construct !== '[]');
    unknown ??= written === null ? construct : null;
    return written ?? '';
  });
  return { source, unknown };
}

/** The constructs that may have to be translated. */
const CONSTRUCT =
  /\\(?:[xu]\{[^}]*\}|[pP]\{[^}]*\}|[pP][A-Za-z]|[\s\S])|\[:\^?\w+:\]|\[\]|\(\?P<|\{\d+(?:,\d*)?\}|\{,\d+\}|&&|--|~~|[[\]{}.]/gu;

function translateOutsideClass(construct: string): string | null {
  if (construct.startsWith('\\')) return ANCHORS[construct] ?? validEscape(construct);
  if (construct === '[]' || construct.startsWith('[:')) return null;
  if (construct === '(?P<') return '(?<';
  if (construct === '{' || construct === '}' || construct === ']') return `\\${construct}`;
  // In other languages a dot matches a carriage return too, which progress bars print.
  if (construct === '.') return '[^\\n]';
  return construct.replace('{,', '{0,');
}

function translateInClass(construct: string): string | null {
  if (construct.startsWith('[:')) return posixClass(construct);
  if (SET_OPERATORS.has(construct)) return null;
  return construct.startsWith('\\') && construct !== '\\-' ? validEscape(construct) : construct;
}

/** A class within a class and operations on classes: in other languages they mean sets, in JavaScript the characters themselves. */
const SET_OPERATORS: ReadonlySet<string> = new Set(['[', '&&', '--', '~~']);

/** The beginning and the end of the line. */
const ANCHORS: Readonly<Record<string, string>> = { '\\A': '(?<![^])', '\\z': '(?![^])', '\\Z': '(?![^])' };

/** Letters and digits with a meaning after a backslash, and characters with a meaning without one. */
const VALID_ESCAPE = /^\\(?:[dDsSwWbBfnrtvcxukpP\d]|[\^$\\.*+?()[\]{}|/])/;

function validEscape(construct: string): string | null {
  if (construct.startsWith('\\x{')) return construct.replace('x', 'u');
  if (/^\\p[A-Z]$/i.test(construct)) return `${construct.slice(0, 2)}{${construct.slice(2)}}`;
  if (VALID_ESCAPE.test(construct)) return construct;
  return /^\\[A-Za-z]/.test(construct) ? null : construct.slice(1);
}

function posixClass(construct: string): string | null {
  const [, negation, name = ''] = /^\[:(\^?)(\w+):\]$/.exec(construct) ?? [];
  const ends = Object.hasOwn(POSIX, name) ? [...(POSIX[name] ?? '')].map((end) => end.charCodeAt(0)) : [];
  if (ends.length === 0) return null;
  // The ranges between the ranges are the complement.
  const between = [0, ...ends.map((end, index) => (index % 2 === 0 ? end - 1 : end + 1)), 0x10ffff];
  return ranges(negation === '^' ? between : ends);
}

/** The first and the last character of each range, in ascending order. */
const POSIX: Readonly<Record<string, string>> = {
  alnum: '09AZaz',
  alpha: 'AZaz',
  ascii: '\0\x7f',
  blank: '\t\t  ',
  cntrl: '\0\x1f\x7f\x7f',
  digit: '09',
  graph: '!~',
  lower: 'az',
  print: ' ~',
  punct: '!/:@[`{~',
  space: '\t\r  ',
  upper: 'AZ',
  word: '09AZ__az',
  xdigit: '09AFaf',
};

function ranges([from, to, ...more]: readonly number[]): string {
  if (from === undefined || to === undefined) return '';
  const range = from > to ? '' : `\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`;
  return range + ranges(more);
}
