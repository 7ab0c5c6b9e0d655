import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** One member of a type as it is written in the source: its name, its type, and its docstring. */
export interface Member {
  readonly name: string;
  readonly type: string;
  readonly about: string;
}

/** The members of an interface of a file of src. Throws when there is no such interface. */
export function membersOf(file: string, name: string): Member[] {
  const found = statements(file).find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  if (found === undefined) throw new Error(`there is no interface ${name} in ${file}`);
  return members((found as ts.InterfaceDeclaration).members);
}

/** The alternatives of a union of object types, each with its members. Throws when there is no such type. */
export function alternativesOf(file: string, name: string): Member[][] {
  const found = statements(file).find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === name);
  const union = found && (found as ts.TypeAliasDeclaration).type;
  if (union === undefined || !ts.isUnionTypeNode(union)) throw new Error(`there is no union ${name} in ${file}`);
  return union.types.filter(ts.isTypeLiteralNode).map((each) => members(each.members));
}

function statements(file: string): readonly ts.Statement[] {
  const path = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true).statements;
}

function members(nodes: ts.NodeArray<ts.TypeElement>): Member[] {
  return nodes.filter(ts.isPropertySignature).map((node) => ({
    name: node.name.getText() + (node.questionToken === undefined ? '' : '?'),
    type: (node.type?.getText() ?? '').replaceAll('readonly ', '').replaceAll(/\s+/g, ' '),
    about: ts
      .getJSDocCommentsAndTags(node)
      .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '')
      .join(' '),
  }));
}
