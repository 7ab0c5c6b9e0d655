import { cut } from '../errors.js';

/** One problem in a spec. */
export interface Problem {
  /** The path of the value: `children[2].stop.ask`; empty for the spec itself. */
  readonly path: string;
  /** The rule, as the end of a sentence: `must be an integer >= 0`. */
  readonly rule: string;
  /** The value: itself when it is simple, else a description. Values of environment variables are `(hidden)`. */
  readonly got: unknown;
  /** The position in the file, both from 1; absent without a file. */
  readonly line?: number;
  readonly column?: number;
}

/** Stands in a problem for a value that must not be shown. */
export const HIDDEN = '(hidden)';

/** One problem as a sentence without its full stop. */
export function problemText(problem: Problem): string {
  const subject = problem.path === '' ? 'it' : shortened(problem.path);
  const where = problem.line === undefined ? '' : `line ${problem.line}, column ${problem.column}: `;
  return `${where}${subject} ${problem.rule}${problem.got === undefined ? '' : `, got ${quoted(problem.got)}`}`;
}

/** Many problems on one line: the first ones in full, the number of the others. */
export function problemsText(problems: readonly Problem[]): string {
  const texts = problems
    .slice(0, MOST_SHOWN)
    .map((problem, at) => problemText(withoutRepetition(problem, problems.slice(0, at))));
  const more = problems.length - texts.length;
  return more === 0 ? texts.join('; ') : `${texts.join('; ')}; and ${more} more`;
}

/** The names that are known there instead are listed once. */
function withoutRepetition(problem: Problem, before: readonly Problem[]): Problem {
  const isRepeated = before.some(({ rule }) => rule === problem.rule);
  return isRepeated ? { ...problem, rule: problem.rule.replace(/; known here: .*$/, '') } : problem;
}

/** The value as a problem shows it: plain data that is safe to print and to send, for any value. Never throws. */
export function shown(value: unknown): unknown {
  switch (typeof value) {
    case 'string':
      return shortened(value);
    case 'symbol':
      return value.description ?? '(symbol)';
    case 'bigint':
      return '(bigint)';
    case 'function':
      return '(function)';
    case 'object':
      return value === null ? null : wordFor(value);
    default:
      return value;
  }
}

/** The path of a field below `path`. Ambiguous names are quoted. */
export function fieldPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}

function shortened(text: string): string {
  return text.length > LONGEST_SHOWN ? `${cut(text, LONGEST_SHOWN)}...` : text;
}

function wordFor(value: object): string {
  try {
    return Array.isArray(value) ? '(a list)' : '(an object)';
  } catch {
    // A revoked proxy throws even here.
    return '(cannot be read)';
  }
}

function quoted(got: unknown): string {
  return typeof got === 'string' && !/^\(.*\)$/.test(got) ? JSON.stringify(got) : String(got);
}

const MOST_SHOWN = 20;
const LONGEST_SHOWN = 200;
