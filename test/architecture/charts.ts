import ts from 'typescript';
import { importsOf } from './imports.js';
import { parse, type Sources, type Violation, walk } from './sources.js';

/** What the checks need of an XState machine. */
export interface Chart {
  readonly config: object;
  readonly implementations: { readonly actions?: Readonly<Record<string, unknown>> };
}

/** Where a function is no inline effect: it makes plain data. */
const DATA_KEYS = new Set(['params', 'input', 'output', 'context']);

/** Functions in a chart: actions, guards and delays are to be named. */
export function inlineFunctions(name: string, chart: Chart): Violation[] {
  const found: Violation[] = [];
  const enter = (value: unknown, path: string): void => {
    if (typeof value === 'function') found.push(`${path} is an inline function`);
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'function' || !DATA_KEYS.has(key)) enter(inner, `${path}.${key}`);
    }
  };
  enter(chart.config, name);
  return found;
}

/** States without a description. */
export function undescribedStates(name: string, chart: Chart): Violation[] {
  const found: Violation[] = [];
  const enter = (node: unknown, path: string): void => {
    for (const [key, state] of Object.entries(field(node, 'states') ?? {})) {
      const description = field(state, 'description');
      if (typeof description !== 'string' || description.trim() === '') {
        found.push(`${path}.${key} has no description`);
      }
      enter(state, `${path}.${key}`);
    }
  };
  enter(chart.config, name);
  return found;
}

/** The actions of a chart that stand for an effect: not XState's own creators such as `assign`. */
export function namedEffects(chart: Chart): string[] {
  return Object.entries(chart.implementations.actions ?? {})
    .filter(([, action]) => typeof action === 'function' && !isBuiltIn(action))
    .map(([name]) => name);
}

/** Effects that are not given hands by exactly one file of the sources, with `<machine>.provide({ actions: ... })`. */
export function unprovidedEffects(name: string, chart: Chart, sources: Sources): Violation[] {
  const files = providedBy(sources, name);
  return namedEffects(chart).flatMap((effect) => {
    const providers = files.get(effect) ?? [];
    if (providers.length === 1) return [];
    return [`${name}.${effect} is provided by ${providers.length === 0 ? 'no file' : providers.join(' and ')}`];
  });
}

/** The files that provide each action of a machine. */
function providedBy(sources: Sources, machine: string): Map<string, string[]> {
  const files = new Map<string, string[]>();
  walk(sources, sources.keys(), (node, tree) => {
    if (!isProvide(node, machine)) return;
    for (const name of actionNames(node.arguments[0], sources)) {
      files.set(name, [...(files.get(name) ?? []), tree.fileName]);
    }
  });
  return files;
}

function isProvide(node: ts.Node, machine: string): node is ts.CallExpression {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false;
  const { name, expression } = node.expression;
  return name.text === 'provide' && ts.isIdentifier(expression) && expression.text === machine;
}

function actionNames(argument: ts.Node | undefined, sources: Sources): string[] {
  const given = argument && literalOf(argument, sources);
  const actions = given?.properties.find((property) => property.name?.getText() === 'actions');
  if (actions === undefined) return [];
  const value = ts.isPropertyAssignment(actions) ? actions.initializer : actions.name;
  return value === undefined ? [] : keysOf(value, sources);
}

/** The keys of an object: written there, in a named constant or function of the same or an imported file, or spread from such a one. */
function keysOf(value: ts.Node, sources: Sources): string[] {
  return (literalOf(value, sources)?.properties ?? []).flatMap((property) => {
    if (ts.isSpreadAssignment(property)) return keysOf(property.expression, sources);
    return property.name === undefined ? [] : [property.name.getText()];
  });
}

function literalOf(value: ts.Node, sources: Sources): ts.ObjectLiteralExpression | undefined {
  if (ts.isObjectLiteralExpression(value)) return value;
  if (ts.isIdentifier(value)) return literalNamed(value.text, value.getSourceFile(), sources);
  if (ts.isBlock(value)) return returnedBy(value, sources);
  const inner = ts.isArrowFunction(value)
    ? value.body
    : 'expression' in value
      ? (value.expression as ts.Node)
      : undefined;
  return inner && literalOf(inner, sources);
}

function returnedBy(block: ts.Block, sources: Sources): ts.ObjectLiteralExpression | undefined {
  const last = block.statements.findLast(ts.isReturnStatement);
  return last?.expression && literalOf(last.expression, sources);
}

function literalNamed(name: string, tree: ts.SourceFile, sources: Sources): ts.ObjectLiteralExpression | undefined {
  for (const statement of tree.statements) {
    const meant = meantBy(name, statement);
    if (meant !== undefined) return literalOf(meant, sources);
  }
  const from = importsOf(sources, [tree.fileName]).find(({ node }) => node.getText().includes(name))?.to;
  return from !== undefined && sources.has(from) ? literalNamed(name, parse(sources, from), sources) : undefined;
}

/** What a top-level function returns or a top-level constant holds, if it has that name. */
function meantBy(name: string, statement: ts.Statement): ts.Node | undefined {
  if (ts.isFunctionDeclaration(statement)) return statement.name?.text === name ? statement.body : undefined;
  if (!ts.isVariableStatement(statement)) return undefined;
  return statement.declarationList.declarations.find((declared) => declared.name.getText() === name)?.initializer;
}

function isBuiltIn(action: object): boolean {
  const type = field(action, 'type');
  return typeof type === 'string' && type.startsWith('xstate.');
}

function field(value: unknown, key: string): unknown {
  return (typeof value === 'object' || typeof value === 'function') && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
