import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** The text of files by their path from the root of the package, such as `src/errors.ts`. */
export type Sources = ReadonlyMap<string, string>;

/** Where a rule is broken and how: `file:line what`. */
export type Violation = string;

const parsed = new Map<string, ts.SourceFile>();

/** Every TypeScript file below the folders, which are named from `root`. */
export function readSources(root: string, folders: readonly string[]): Sources {
  const sources = new Map<string, string>();
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (entry.isFile() && file.endsWith('.ts')) sources.set(relative(root, file), readFileSync(file, 'utf8'));
    }
  }
  return sources;
}

/** The files below a folder. */
export function below(sources: Sources, folder: string): Sources {
  return new Map([...sources].filter(([file]) => file.startsWith(`${folder}/`)));
}

/** The files that are neither `part` nor below it. */
export function without(sources: Sources, part: string): Sources {
  return new Map([...sources].filter(([file]) => file !== part && !file.startsWith(`${part}/`)));
}

/** The syntax tree of a file, parsed once, in however many collections of sources it is. */
export function parse(sources: Sources, file: string): ts.SourceFile {
  const text = sources.get(file) ?? '';
  const known = parsed.get(file);
  if (known?.text === text) return known;
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  parsed.set(file, tree);
  return tree;
}

/** Calls `visit` with every node of the files. */
export function walk(
  sources: Sources,
  files: Iterable<string>,
  visit: (node: ts.Node, tree: ts.SourceFile) => void,
): void {
  for (const file of files) {
    const tree = parse(sources, file);
    const enter = (node: ts.Node): void => {
      visit(node, tree);
      ts.forEachChild(node, enter);
    };
    enter(tree);
  }
}

export function violation(tree: ts.SourceFile, node: ts.Node, what: string): Violation {
  const { line } = tree.getLineAndCharacterOfPosition(node.getStart(tree));
  return `${tree.fileName}:${line + 1} ${what}`;
}
