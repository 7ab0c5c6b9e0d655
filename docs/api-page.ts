import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { type Exported, exportsOf, textOf } from './exports.js';
import { page } from './markdown.js';

/** The entry points of the package: what is imported, from which file of src, and the example that shows it. */
export const ENTRY_POINTS = [
  { name: 'supertree', file: 'index.ts', example: 'embed.ts' },
  { name: 'supertree/client', file: 'client.ts', example: 'client.ts' },
  { name: 'supertree/server', file: 'server/index.ts', example: 'server.ts' },
  { name: 'supertree/machines', file: 'machines/index.ts', example: 'machines.ts' },
  { name: 'supertree/testing', file: 'testing/index.ts', example: 'testing.test.ts' },
] as const;

/** The text of docs/api.md. */
export function apiPage(): string {
  return page([
    '# API',
    'Generated from the docstrings by `npm run generate`: every public name of every entry point. Times are milliseconds and sizes bytes, where nothing else is said. Whatever throws or rejects does so with a [`SupertreeError`](reference.md#errors).',
    ENTRY_POINTS.map(({ name }) => `- [\`${name}\`](#${name.replace('/', '')})`).join('\n'),
    ...ENTRY_POINTS.flatMap(entryPoint),
  ]);
}

function entryPoint({ name, file, example }: (typeof ENTRY_POINTS)[number]): string[] {
  const names = exportsOf(file).toSorted((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  return [
    `## ${name}`,
    `[examples/${example}](https://github.com/supertree/supertree/blob/main/examples/${example}), which runs with the tests:`,
    `\`\`\`ts\n${readFileSync(fileURLToPath(new URL(`../examples/${example}`, import.meta.url)), 'utf8')}\`\`\``,
    ...names.flatMap(section),
  ];
}

/** Functions and classes come before types. */
function rank({ declarations: [first] }: Exported): number {
  if (first === undefined) return 3;
  if (ts.isFunctionDeclaration(first)) return 0;
  return ts.isClassDeclaration(first) || ts.isVariableDeclaration(first) ? 1 : 2;
}

function section({ name, declarations }: Exported): string[] {
  return [`### ${name}`, ...declarations.flatMap(declared)];
}

function declared(node: ts.Declaration): string[] {
  const about = docOf(node);
  const members = ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) ? node.members.filter(isPublic) : [];
  const list = members.map((member) => `- \`${signatureOf(member)}\`${spaced(docOf(member))}`).join('\n');
  return [fenced(headOf(node)), about, list].filter((part) => part !== '');
}

function fenced(text: string): string {
  return `\`\`\`typescript\n${text}\n\`\`\``;
}

function spaced(about: string): string {
  return about === '' ? '' : `: ${about}`;
}

/** A declaration without its members and its body. */
function headOf(node: ts.Declaration): string {
  if (ts.isInterfaceDeclaration(node)) return oneLine(`interface ${named(node)}${heritage(node)}`);
  if (ts.isClassDeclaration(node)) return oneLine(`class ${named(node)}${heritage(node)}`);
  if (ts.isTypeAliasDeclaration(node)) return `type ${named(node)} = ${textOf(node.type)}`;
  if (ts.isFunctionDeclaration(node)) return signatureOf(node);
  const { name, type } = node as ts.VariableDeclaration;
  return `const ${textOf(name)}${type === undefined ? '' : `: ${textOf(type)}`}`;
}

type Generic = ts.InterfaceDeclaration | ts.ClassDeclaration | ts.TypeAliasDeclaration;

function named({ name, typeParameters }: Generic): string {
  const parameters = typeParameters?.map(textOf).join(', ');
  return `${name?.text ?? ''}${parameters === undefined ? '' : `<${parameters}>`}`;
}

function heritage({ heritageClauses }: ts.InterfaceDeclaration | ts.ClassDeclaration): string {
  return (heritageClauses ?? []).map((clause) => ` ${textOf(clause)}`).join('');
}

function isPublic(member: ts.TypeElement | ts.ClassElement): boolean {
  const flags = ts.getCombinedModifierFlags(member);
  return !(flags & ts.ModifierFlags.Private) && (member.name === undefined || !ts.isPrivateIdentifier(member.name));
}

/** A function, method or property on one line: its text without a body, a first value, and words that say nothing to a caller. */
function signatureOf(node: ts.Declaration): string {
  const { body, initializer } = node as { body?: ts.Node; initializer?: ts.Node };
  const end = body?.getStart() ?? initializer?.getFullStart() ?? node.getEnd();
  const text = node
    .getSourceFile()
    .text.slice(node.getStart(), end)
    .replace(/\s*=?\s*$/, '');
  return oneLine(text.replace(/^((export|async|readonly|override)\s+)+/, '')).replace(/[;,]$/, '');
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function docOf(node: ts.Declaration): string {
  const owner = ts.isVariableDeclaration(node) ? node.parent.parent : node;
  const texts = ts.getJSDocCommentsAndTags(owner).map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '');
  return oneLine(texts.join(' '));
}
