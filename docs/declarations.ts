import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** One member of a type, from the source: its name, its type, and its docstring. */
export interface Member {
  readonly name: string;
  readonly type: string;
  readonly about: string;
}

/** The members of an interface of a file of src. Throws when there is no such interface. */
export function membersOf(file: string, name: string): Member[] {
  return members(interfaceOf(file, name).members);
}

/** The docstring of an interface of a file of src on one line. Throws when there is no such interface. */
export function aboutOf(file: string, name: string): string {
  return docOf(interfaceOf(file, name));
}

/** The alternatives of a union of object types, each with its members. Throws when there is no such type. */
export function alternativesOf(file: string, name: string): Member[][] {
  return unionOf(file, name)
    .filter(ts.isTypeLiteralNode)
    .map((each) => members(each.members));
}

/** The words of a union of words, without their quotes. Throws when there is no such type. */
export function wordsOf(file: string, name: string): string[] {
  return unionOf(file, name).map((each) => each.getText().replaceAll("'", ''));
}

/** A number that a file of src keeps as a constant: `MAX`, or `MAX.one` of a constant with parts. Throws when there is none. */
export function numberOf(file: string, name: string): number {
  const [constant = '', ...keys] = name.split('.');
  const declared = statements(file)
    .filter(ts.isVariableStatement)
    .flatMap((statement) => [...statement.declarationList.declarations])
    .find((each) => each.name.getText() === constant);
  const found = keys.reduce(partOf, declared?.initializer);
  const value = found === undefined ? Number.NaN : productOf(found);
  if (Number.isNaN(value)) throw new Error(`there is no number ${name} in ${file}`);
  return value;
}

/** By property of a constant of a file of src: the source text of the type argument of the call of `callee` that makes it. */
export function typeArgumentsOf(file: string, name: string, callee: string): [property: string, type: string][] {
  const declared = statements(file)
    .filter(ts.isVariableStatement)
    .flatMap((statement) => [...statement.declarationList.declarations])
    .find((each) => each.name.getText() === name)?.initializer;
  if (declared === undefined || !ts.isObjectLiteralExpression(declared))
    throw new Error(`no object ${name} in ${file}`);
  return declared.properties.filter(ts.isPropertyAssignment).map((property) => {
    const [, type = ''] = new RegExp(`^${callee}<(.*?)>\\(\\)`, 's').exec(property.initializer.getText()) ?? [];
    return [property.name.getText(), type];
  });
}

function interfaceOf(file: string, name: string): ts.InterfaceDeclaration {
  const found = statements(file)
    .filter(ts.isInterfaceDeclaration)
    .find((each) => each.name.text === name);
  if (found === undefined) throw new Error(`there is no interface ${name} in ${file}`);
  return found;
}

function unionOf(file: string, name: string): readonly ts.TypeNode[] {
  const found = statements(file)
    .filter(ts.isTypeAliasDeclaration)
    .find((each) => each.name.text === name);
  if (found === undefined || !ts.isUnionTypeNode(found.type)) throw new Error(`there is no union ${name} in ${file}`);
  return found.type.types;
}

function statements(file: string): readonly ts.Statement[] {
  const path = fileURLToPath(new URL(`../src/${file}`, import.meta.url));
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true).statements;
}

function members(nodes: ts.NodeArray<ts.TypeElement>): Member[] {
  return nodes.filter(ts.isPropertySignature).map((node) => ({
    name: node.name.getText() + (node.questionToken === undefined ? '' : '?'),
    type: (node.type?.getText() ?? '').replaceAll('readonly ', '').replaceAll(/\s+/g, ' '),
    about: docOf(node),
  }));
}

function docOf(node: ts.Node): string {
  const texts = ts.getJSDocCommentsAndTags(node).map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '');
  return texts.join(' ').replaceAll(/\s+/g, ' ');
}

function partOf(whole: ts.Expression | undefined, key: string): ts.Expression | undefined {
  if (whole === undefined || !ts.isObjectLiteralExpression(whole)) return undefined;
  return whole.properties.filter(ts.isPropertyAssignment).find((each) => each.name.getText() === key)?.initializer;
}

/** Of a number, or of numbers that are multiplied. */
function productOf(expression: ts.Expression): number {
  if (ts.isNumericLiteral(expression)) return Number(expression.text);
  if (!ts.isBinaryExpression(expression) || expression.operatorToken.kind !== ts.SyntaxKind.AsteriskToken) {
    return Number.NaN;
  }
  return productOf(expression.left) * productOf(expression.right);
}
