import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** A name that a module exports, with its declarations: one, or the overloads of a function. */
export interface Exported {
  readonly name: string;
  readonly declarations: readonly ts.Declaration[];
}

/** Every name that a file of src exports, wherever it is declared. Throws for a name that is declared nowhere. */
export function exportsOf(file: string): Exported[] {
  return moduleOf(file).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return [];
    const { exportClause, moduleSpecifier } = statement;
    if (exportClause === undefined || !ts.isNamedExports(exportClause) || moduleSpecifier === undefined) {
      throw new Error(`${file} exports names that it does not name`);
    }
    const from = fileOf(file, moduleSpecifier);
    return exportClause.elements.map(({ name, propertyName }) => ({
      name: name.text,
      declarations: declarationsOf(from, (propertyName ?? name).text),
    }));
  });
}

/** The source text of a node, without the comments before it. */
export function textOf(node: ts.Node): string {
  return node.getText();
}

function declarationsOf(file: string, name: string): readonly ts.Declaration[] {
  const here = moduleOf(file).statements.flatMap((statement) => declaredBy(statement, name));
  if (here.length > 0) return here;
  const passed = exportsOf(file).find((each) => each.name === name);
  if (passed === undefined) throw new Error(`there is no ${name} in ${file}`);
  return passed.declarations;
}

function declaredBy(statement: ts.Statement, name: string): ts.Declaration[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.filter((each) => each.name.getText() === name);
  }
  const isOne =
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isFunctionDeclaration(statement);
  return isOne && statement.name?.text === name ? [statement] : [];
}

function fileOf(file: string, specifier: ts.Expression): string {
  const path = (specifier as ts.StringLiteral).text.replace(/\.js$/, '.ts');
  return join(dirname(file), path);
}

const modules = new Map<string, ts.SourceFile>();

function moduleOf(file: string): ts.SourceFile {
  const known = modules.get(file);
  if (known !== undefined) return known;
  const path = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  modules.set(file, source);
  return source;
}
