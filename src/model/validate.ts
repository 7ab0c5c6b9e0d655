import * as v from 'valibot';
import { SupertreeError } from '../errors.js';
import { DEFAULTS } from './defaults.js';
import { afterProblems, checkOrder, type IsSibling, type Sibling } from './dependencies.js';
import type { SupervisorInput } from './input.js';
import { fieldPath, HIDDEN, type Problem, problemsText, shown } from './problem.js';
import { checkAgent, checkInstances, checkSignificance, checkSupervision, type ParentFacts } from './rule.js';
import { isLogic } from './schema/agent.js';
import { type Form, type NodeKind, SCHEMAS } from './schema.js';
import { type Fields, MAX_VALUES, type Reading, readFields, readList } from './snapshot.js';
import type { AutoShutdown } from './spec.js';

export type { Problem } from './problem.js';

/** The most nested levels of supervisors, the root being the first. */
const MAX_LEVELS = 64;

/** The most nodes of a tree. Instances of a pool do not count. */
export const MAX_NODES = 100_000;

/**
 * All problems of a whole tree in its input form; empty when it is valid. After a thousand problems validation ends. The input may be any value: it is
 * read once, never changed, and this never throws. Values of environment variables are never in a problem.
 */
export function validate(input: unknown): Problem[] {
  return judge(input, 'any', null);
}

/** As `validate`, for a tree from a file or the wire: only `command`, no `task` and no `logic`. `$schema` is allowed. */
export function validateData(input: unknown): Problem[] {
  return judge(input, 'data', null);
}

/** As `validate`, for one node that is to be added below a running supervisor (C5 is checked as well). `form`: if not given, any. */
export function validateChild(
  input: unknown,
  parent: { autoShutdown: AutoShutdown; isSibling?: IsSibling },
  form: Form = 'any',
): Problem[] {
  const problems = judge(input, form, parent);
  return problems.length > 0 || parent.isSibling === undefined ? problems : afterProblems(input, parent.isSibling);
}

/** Throws SPEC_INVALID when `validate` finds a problem; its details have all problems as `list`. */
export function assertValid(input: unknown): asserts input is SupervisorInput {
  const list = validate(input);
  if (list.length > 0) throw invalidSpec(list);
}

/** The error for these problems. */
export function invalidSpec(list: readonly Problem[]): SupertreeError {
  return new SupertreeError('SPEC_INVALID', { problems: problemsText(list), list });
}

/** The number of problems at which validation ends. */
const MAX_PROBLEMS = 1_000;

/** The state of one validation. */
interface Walk extends Reading {
  readonly form: Form;
  /** The nodes from the root down to the present one. */
  readonly ancestors: Set<unknown>;
  nodes: number;
}

/** The position of a node in the tree. */
interface Position {
  readonly path: string;
  readonly level: number;
  readonly parent: ParentFacts;
}

function judge(input: unknown, form: Form, parent: ParentFacts | null): Problem[] {
  const walk: Walk = { form, problems: [], left: MAX_VALUES, ancestors: new Set(), nodes: 0 };
  walkNode(walk, input, { path: '', level: 1, parent: parent ?? { autoShutdown: 'never' } }, parent === null);
  return walk.problems;
}

/** Validates one node and all below it. Returns its fields, to be compared with those of its siblings. */
function walkNode(walk: Walk, input: unknown, position: Position, isRoot: boolean): Fields | undefined {
  walk.nodes++;
  if (walk.nodes > MAX_NODES)
    return void addProblem(walk, position.path, `must be one of the first ${MAX_NODES} nodes`, undefined);
  if (walk.ancestors.has(input)) return void addProblem(walk, position.path, 'must not contain itself', undefined);
  if (position.level > MAX_LEVELS)
    return void addProblem(walk, position.path, `must not be nested deeper than ${MAX_LEVELS} levels`, undefined);
  const node = readFields(input, NODE_PARTS, position.path, walk);
  if (node === null) return void addProblem(walk, position.path, 'must be an object', input);
  const kind = isRoot ? 'root' : kindOf(node);
  const wrong = checkShape(walk, node, kind, position.path);
  checkSignificance(node, position.parent, within(walk, position.path));
  if (kind === 'agent') checkAgent(node, walk.form, within(walk, position.path));
  else checkSupervision(node, wrong, within(walk, position.path));
  if (kind === 'pool') walkPool(walk, node.pool, fieldPath(position.path, 'pool'));
  walk.ancestors.add(input);
  if (kind === 'root' || kind === 'supervisor') walkChildren(walk, node, position, wrong.has('autoShutdown'));
  walk.ancestors.delete(input);
  return node;
}

function isEnough({ nodes, left, problems }: Walk): boolean {
  return nodes > MAX_NODES || left < 0 || problems.length >= MAX_PROBLEMS;
}

/** The keys decide the kind of a node, so that problems refer to the intended kind. */
function kindOf(node: Fields): NodeKind {
  if ('children' in node) return 'supervisor';
  return 'pool' in node ? 'pool' : 'agent';
}

function walkChildren(walk: Walk, node: Fields, position: Position, wrongShutdown: boolean): void {
  if (!('children' in node)) return;
  const path = fieldPath(position.path, 'children');
  const children = readList(node.children, MAX_NODES + 1);
  if (children === null) return addProblem(walk, path, 'must be a list', node.children);
  const parent = {
    autoShutdown: wrongShutdown ? null : ((node.autoShutdown ?? DEFAULTS.autoShutdown) as AutoShutdown),
  };
  const known = new Map<unknown, string>();
  const siblings: Sibling[] = [];
  for (const [index, child] of children.entries()) {
    const at = fieldPath(path, index);
    const fields = walkNode(walk, child, { path: at, level: position.level + 1, parent }, false);
    if (isEnough(walk)) return;
    siblings.push({ at, fields: fields ?? {} });
    const id = fields?.id;
    const twin = typeof id === 'string' ? known.get(id) : undefined;
    if (twin === undefined) known.set(id, at);
    else addProblem(walk, fieldPath(at, 'id'), `must be unique among its siblings; ${twin} has it already`, id);
  }
  checkOrder(siblings, node.start === 'parallel', (at, rule, got) => addProblem(walk, at, rule, got));
}

/** C6: a pool has a single template without an id. Its instances cannot be significant: a pool does not end with them. */
function walkPool(walk: Walk, input: unknown, path: string): void {
  const instances = readFields(input, POOL_PARTS, path, walk);
  if (instances === null) return addProblem(walk, path, 'must be an object', input);
  const wrong = checkShape(walk, instances, 'instances', path);
  checkInstances(instances, wrong, within(walk, path));
  if (!('agent' in instances)) return;
  const at = fieldPath(path, 'agent');
  const template = readFields(instances.agent, NODE_PARTS, at, walk);
  if (template === null) return addProblem(walk, at, 'must be an object', instances.agent);
  checkShape(walk, template, 'template', at);
  checkSignificance(template, { autoShutdown: 'never' }, within(walk, at));
  checkAgent(template, walk.form, within(walk, at));
}

/** Checks the fields of one node by its schema. Returns the names of the invalid fields. */
function checkShape(walk: Walk, node: Fields, kind: NodeKind, path: string): ReadonlySet<string> {
  const result = v.safeParse(SCHEMAS[kind][walk.form], inert(node));
  const wrong = new Set<string>();
  const reported = new Set<string>();
  for (const issue of (result.issues ?? []).flatMap(parts)) {
    const [first = '', ...rest] = issue.keys;
    const at = rest.reduce<string>(fieldPath, fieldPath(path, first));
    wrong.add(String(first));
    // A pipe continues after its first failure and may report the same rule again.
    if (reported.has(at + issue.rule)) continue;
    reported.add(at + issue.rule);
    addProblem(walk, at, issue.rule, issue.unknown && typeof issue.got === 'string' ? HIDDEN : issue.got);
  }
  return wrong;
}

/** Replaces the parts that were not read: valibot describes the values that it rejects, and a proxy may throw at that. */
function inert(node: Fields): Fields {
  const fields: Fields = Object.assign(Object.create(null), node);
  for (const key of UNREAD) if (fields[key] !== undefined) fields[key] = standIn(key, fields[key]);
  return fields;
}

function standIn(key: string, value: unknown): unknown {
  if (key === 'task' && typeof value === 'function') return TASK;
  if (key === 'logic' && isLogic(value)) return LOGIC;
  return Symbol(String(shown(value)));
}

/** One issue of valibot as a problem. */
interface Finding {
  readonly keys: readonly (string | number)[];
  readonly rule: string;
  readonly got: unknown;
  /** The field is unknown. Its value may be anything, including a misplaced secret. */
  readonly unknown: boolean;
}

/** For a union without a match, the issues of the option that got furthest: the one with issues inside its value. */
function parts(issue: v.BaseIssue<unknown>): Finding[] {
  const keys = keysOf(issue);
  const inner = (issue.issues ?? []).filter((part) => part.path !== undefined);
  if (inner.length > 0) return inner.flatMap(parts).map((part) => ({ ...part, keys: [...keys, ...part.keys] }));
  return [{ keys, rule: issue.message, got: issue.input, unknown: issue.type === 'never' }];
}

function keysOf(issue: v.BaseIssue<unknown>): (string | number)[] {
  return (issue.path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key)));
}

function within(walk: Walk, path: string): (field: string, rule: string, got: unknown) => void {
  return (field, rule, got) =>
    addProblem(walk, path === '' || field === '' ? path + field : `${path}.${field}`, rule, got);
}

function addProblem(walk: Walk, path: string, rule: string, got: unknown): void {
  const hidden = got !== undefined && maybeSecret(path, got);
  walk.problems.push({ path, rule, got: hidden ? HIDDEN : shown(got) });
}

/**
 * True for a value that may contain a secret: environment and metadata values, and text in command lines, probes and hooks. Numbers, booleans and
 * descriptions contain none.
 */
function maybeSecret(path: string, got: unknown): boolean {
  if (/(^|\.)(env|metadata|input)(\.|\[|$)/.test(path)) return true;
  return typeof got === 'string' && /(^|\.)(command|beforeStart|afterEnd|args|exec|url|http)(\.|\[|$)/.test(path);
}

const NODE_PARTS: ReadonlySet<string> = new Set(['children', 'pool', 'task', 'logic', 'input']);
const POOL_PARTS: ReadonlySet<string> = new Set(['agent']);
const UNREAD = [...NODE_PARTS, ...POOL_PARTS];
const TASK = () => {};
const LOGIC = { transition: TASK, getInitialSnapshot: TASK };
