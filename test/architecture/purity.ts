import { builtinModules } from 'node:module';
import ts from 'typescript';
import { importsOf } from './imports.js';
import { type Sources, type Violation, violation, walk } from './sources.js';

/** What reads a clock, draws lots, acts, or looks at the world. */
const IMPURE = new Set([
  ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'process', 'globalThis'],
  ...['global', 'crypto', 'fetch', 'console', 'require', 'WebSocket', 'Worker', 'eval', 'Function'],
]);

/** Imports of Node's modules, and uses of impure globals (`Math.random` among them). */
export function impurities(sources: Sources): Violation[] {
  const found = importsOf(sources)
    .filter(({ to }) => to.startsWith('node:') || builtinModules.includes(to))
    .map(({ tree, node, to }) => violation(tree, node, `imports ${to}`));
  walk(sources, sources.keys(), (node, tree) => {
    if (isMathRandom(node)) found.push(violation(tree, node, 'uses Math.random'));
    if (ts.isIdentifier(node) && IMPURE.has(node.text) && isReference(node)) {
      found.push(violation(tree, node, `uses ${node.text}`));
    }
  });
  return found;
}

/** Imports of xstate that are more than a type, outside `allowed`; and type imports outside `typesAllowed`. */
export function xstateImports(sources: Sources, typesAllowed: readonly string[]): Violation[] {
  return importsOf(sources)
    .filter(({ to }) => to === 'xstate' || to.startsWith('xstate/'))
    .filter(({ from, kind }) => kind !== 'type' || !typesAllowed.includes(from))
    .map(({ tree, node, to, kind }) => violation(tree, node, `imports ${to} (${kind})`));
}

function isMathRandom(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return isMath(node.expression) && node.name.text === 'random';
  if (ts.isElementAccessExpression(node)) return isMath(node.expression);
  return ts.isVariableDeclaration(node) && node.initializer !== undefined && isMath(node.initializer);
}

function isMath(node: ts.Node): boolean {
  return ts.isIdentifier(node) && node.text === 'Math';
}

/** False for names that are declared, that are properties, and that stand in types. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isTypeNode(parent) || ts.isQualifiedName(parent)) return false;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return false;
  return !('name' in parent && parent.name === node);
}
