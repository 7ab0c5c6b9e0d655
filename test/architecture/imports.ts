import { posix } from 'node:path';
import ts from 'typescript';
import { type Sources, type Violation, violation, walk } from './sources.js';

export interface Import {
  readonly from: string;
  /** A file of the sources, or the name of a package as it is written. */
  readonly to: string;
  readonly kind: 'value' | 'type' | 'dynamic';
  readonly node: ts.Node;
  readonly tree: ts.SourceFile;
}

/** What a part of a folder may import from the others; whatever is not named is forbidden. A part is a folder or a file in it. */
export type EdgeRule = (imported: Import) => boolean;

/** Every import of the files: `import`, `export from`, `import()` and `import('x').Type`. If no files are named, of all. */
export function importsOf(sources: Sources, files: Iterable<string> = sources.keys()): Import[] {
  const found: Import[] = [];
  walk(sources, files, (node, tree) => {
    const [specifier, kind] = specifierOf(node);
    if (specifier === undefined) return;
    found.push({ from: tree.fileName, to: resolve(tree.fileName, specifier), kind, node, tree });
  });
  return found;
}

/** The imports below a folder that cross the border of one of its parts, its files and folders, and that the rule of the part does not allow. */
export function forbiddenEdges(
  sources: Sources,
  folder: string,
  rules: Readonly<Record<string, EdgeRule>>,
): Violation[] {
  const inside = (file: string) => file.startsWith(`${folder}/`);
  const partOf = (file: string) => file.slice(folder.length + 1).split('/')[0] ?? file;
  return importsOf(sources)
    .filter(({ from, to }) => inside(from) && inside(to) && partOf(from) !== partOf(to))
    .filter((edge) => !rules[partOf(edge.from)]?.(edge))
    .map((edge) => violation(edge.tree, edge.node, `${partOf(edge.from)} must not import ${edge.to} (${edge.kind})`));
}

/** Every import that closes a circle, of whatever kind, with the circle. */
export function importCycles(sources: Sources): Violation[] {
  const edges = new Map<string, Import[]>();
  for (const edge of importsOf(sources)) edges.set(edge.from, [...(edges.get(edge.from) ?? []), edge]);
  const done = new Set<string>();
  const found: Violation[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    for (const edge of edges.get(file) ?? []) {
      const start = path.indexOf(edge.to);
      if (start >= 0) found.push(violation(edge.tree, edge.node, [...path.slice(start), edge.to].join(' -> ')));
      else if (!done.has(edge.to)) visit(edge.to, [...path, edge.to]);
    }
    done.add(file);
  };
  for (const file of sources.keys()) if (!done.has(file)) visit(file, [file]);
  return found;
}

function specifierOf(node: ts.Node): [specifier: string | undefined, kind: Import['kind']] {
  if (ts.isImportDeclaration(node)) return [textOf(node.moduleSpecifier), isTypeOnly(node) ? 'type' : 'value'];
  if (ts.isExportDeclaration(node)) return [textOf(node.moduleSpecifier), node.isTypeOnly ? 'type' : 'value'];
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return [textOf(node.argument.literal), 'type'];
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return [textOf(node.arguments[0]), 'dynamic'];
  }
  return [undefined, 'value'];
}

function isTypeOnly({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  if (importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = importClause.namedBindings;
  if (importClause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}

function textOf(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function resolve(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
}
