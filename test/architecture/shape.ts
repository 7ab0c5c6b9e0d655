import { basename } from 'node:path';
import ts from 'typescript';
import { type Sources, type Violation, violation, walk } from './sources.js';

export interface FunctionLength {
  readonly lines: number;
  readonly where: Violation;
}

/** The files with more lines than `max`. */
export function longFiles(sources: Sources, max: number): Violation[] {
  return [...sources]
    .map(([file, text]) => ({ file, lines: lineCount(text) }))
    .filter(({ lines }) => lines > max)
    .map(({ file, lines }) => `${file}:${max + 1} has ${lines} lines, at most ${max} are allowed`);
}

/** The lines of a file, without the line end behind the last one. */
export function lineCount(text: string): number {
  return text.replace(/\n$/, '').split('\n').length;
}

/** Every function, method, accessor and constructor with a body, arrows included. */
export function functionLengths(sources: Sources): FunctionLength[] {
  const found: FunctionLength[] = [];
  walk(sources, sources.keys(), (node, tree) => {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
    const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
    const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
    const lines = last - first + 1;
    found.push({ lines, where: violation(tree, node, `is a function of ${lines} lines`) });
  });
  return found;
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

/** Files and folders whose name says nothing. */
export function emptyNames(sources: Sources): Violation[] {
  return [...sources.keys()]
    .filter((file) => file.split('/').some((part) => /^_?(utils?|helpers?|types?)$/.test(basename(part, '.ts'))))
    .map((file) => `${file}:1 has a name that says nothing`);
}

/** Every line of text that matches. */
export function mentions(sources: Sources, pattern: RegExp, what: string): Violation[] {
  return [...sources].flatMap(([file, text]) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${what}`] : [])),
  );
}

/** Every `as any` and `<any>`. */
export function castsToAny(sources: Sources): Violation[] {
  const found: Violation[] = [];
  const named = [...sources].flatMap(([file, text]) => (/\bas\s+any\b|<\s*any\s*>/.test(text) ? [file] : []));
  walk(sources, named, (node, tree) => {
    if (!ts.isAsExpression(node) && !ts.isTypeAssertionExpression(node)) return;
    if (node.type.kind === ts.SyntaxKind.AnyKeyword) found.push(violation(tree, node, 'casts to any'));
  });
  return found;
}

/** Every use of a call that ends the program; what a comment says about it is no use. */
export function programEnds(sources: Sources): Violation[] {
  const found: Violation[] = [];
  walk(sources, sources.keys(), (node, tree) => {
    const use = ts.isPropertyAccessExpression(node) || ts.isVariableDeclaration(node) ? node.getText(tree) : '';
    if (/^process\.(exit|abort|reallyExit)$|\b(exit|abort|reallyExit)\b.*= process$/s.test(use)) {
      found.push(violation(tree, node, 'ends the program'));
    }
  });
  return found;
}
