import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** A piece of TypeScript in a page. */
export interface Snippet {
  readonly page: string;
  readonly line: number;
  readonly text: string;
}

const FENCED = /^```ts\n([\s\S]*?)^```$/gm;

/** The fenced pieces of TypeScript of a page, with the line where each begins. */
export function snippetsOf(root: string, page: string): Snippet[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(FENCED)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length + 1,
    text: match[1] ?? '',
  }));
}

/**
 * What the compiler has against snippets, each taken as a module at the root of the package: `README.md:12 Cannot find name 'x'.` It reads the declarations of
 * the build, as that of a user does, and not the sources, which are twice as much.
 */
export function complaintsAbout(root: string, snippets: readonly Snippet[]): string[] {
  const files = new Map(snippets.map((snippet, index) => [join(root, `snippet-${index}.ts`), snippet]));
  const options = { ...optionsOf(root), paths: {}, noUnusedLocals: false, noUnusedParameters: false };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file)?.text ?? readFile(file);
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([file, snippet]) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map((each) => complaint(snippet, each)),
  );
}

function optionsOf(root: string): ts.CompilerOptions {
  const file = join(root, 'tsconfig.json');
  return ts.parseJsonConfigFileContent(
    ts.readConfigFile(file, ts.sys.readFile).config,
    { ...ts.sys, readDirectory: () => [] },
    root,
  ).options;
}

function complaint({ page, line, text }: Snippet, { messageText, start = 0 }: ts.Diagnostic): string {
  const at = line + text.slice(0, start).split('\n').length - 1;
  return `${page}:${at} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}
