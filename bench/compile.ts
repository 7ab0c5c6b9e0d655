import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/**
 * Compiles the files of this folder to JavaScript and returns the folder where they are, with the Erlang source beside them. Measured code runs under plain node: a loader
 * would bring a thread, a heap and an event loop traffic of its own into every measured process.
 */
export function compileBench(): string {
  const source = new URL('.', import.meta.url).pathname;
  const target = join(source, '..', 'node_modules', '.cache', 'supertree-bench');
  mkdirSync(target, { recursive: true });
  for (const name of readdirSync(source).filter((file) => file.endsWith('.ts'))) {
    const { outputText } = ts.transpileModule(readFileSync(join(source, name), 'utf8'), { compilerOptions: OPTIONS });
    writeFileSync(join(target, name.replace(/\.ts$/, '.js')), outputText);
  }
  for (const name of readdirSync(source).filter((file) => file.endsWith('.erl')))
    copyFileSync(join(source, name), join(target, name));
  writeFileSync(join(target, 'package.json'), '{"type":"module"}\n');
  return target;
}

const OPTIONS: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
