/** A regular expression in JavaScript's syntax with the flag u. */
interface Spelled {
  readonly source: string;
  /** A construct of the pattern that JavaScript does not have; `null` when there is none. */
  readonly unknown: string | null;
}

/**
 * Translates constructs of other languages: `(?P<name>)`, `\A`, `\z` and `\Z` (a line has no line end here), `\x{41}`, `\pL`, `{,3}`, classes such as
 * `[:digit:]` within brackets, literal braces and brackets, and a needless backslash. A backslash before a letter without a meaning is reported: without
 * the flag u it would stand for the letter, and the pattern would mean something else than its author intended.
 */
export function spelled(pattern: string, dotMatchesAll = false): Spelled {
  let inBrackets = false;
  let unknown: string | null = null;
  const source = pattern.replace(TOKEN, (token) => {
    const isPlain = token === '.' && (inBrackets || dotMatchesAll);
    const written = isPlain ? token : inBrackets ? within(token) : outside(token);
    inBrackets = token === '[' || (inBrackets && token !== ']' && token !== '[]');
    unknown ??= written === null ? token : null;
    return written ?? '';
  });
  return { source, unknown };
}

/** The tokens that may have to be translated. */
const TOKEN =
  /\\(?:[xu]\{[^}]*\}|[pP]\{[^}]*\}|[pP][A-Za-z]|[\s\S])|\[:\^?\w+:\]|\[\]|\(\?P<|\{\d+(?:,\d*)?\}|\{,\d+\}|&&|--|~~|[[\]{}.]/gu;

function outside(token: string): string | null {
  if (token.startsWith('\\')) return EDGES[token] ?? escaped(token);
  if (token === '[]' || token.startsWith('[:')) return null;
  if (token === '(?P<') return '(?<';
  if (token === '{' || token === '}' || token === ']') return `\\${token}`;
  // In other languages a dot matches a carriage return too, which progress bars print.
  if (token === '.') return '[^\\n]';
  return token.replace('{,', '{0,');
}

function within(token: string): string | null {
  if (token.startsWith('[:')) return posixClass(token);
  if (SETS.has(token)) return null;
  return token.startsWith('\\') && token !== '\\-' ? escaped(token) : token;
}

/** A class within a class and operations on classes: in other languages they mean sets, in JavaScript the characters themselves. */
const SETS: ReadonlySet<string> = new Set(['[', '&&', '--', '~~']);

/** The beginning and the end of the line. */
const EDGES: Readonly<Record<string, string>> = { '\\A': '(?<![^])', '\\z': '(?![^])', '\\Z': '(?![^])' };

/** Letters and digits with a meaning after a backslash, and characters with a meaning without one. */
const MEANT = /^\\(?:[dDsSwWbBfnrtvcxukpP\d]|[\^$\\.*+?()[\]{}|/])/;

function escaped(token: string): string | null {
  if (token.startsWith('\\x{')) return token.replace('x', 'u');
  if (/^\\p[A-Z]$/i.test(token)) return `${token.slice(0, 2)}{${token.slice(2)}}`;
  if (MEANT.test(token)) return token;
  return /^\\[A-Za-z]/.test(token) ? null : token.slice(1);
}

function posixClass(token: string): string | null {
  const [, negation, name = ''] = /^\[:(\^?)(\w+):\]$/.exec(token) ?? [];
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
