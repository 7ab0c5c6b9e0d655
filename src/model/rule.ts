import { slowestRow, sumText } from './budget.js';
import { DEFAULTS } from './defaults.js';
import { fieldPath } from './problem.js';
import type { Form } from './schema.js';
import type { Fields } from './snapshot.js';
import type { AutoShutdown } from './spec.js';
import { portVariable, unknownPorts } from './template.js';

/*
 * The rules that join several fields of one node. Each is given fields that may still be wrong by themselves: then the
 * schema has said so, and the rule says nothing.
 */

/** Takes one problem: the path within the node, the rule and the value. */
export type Complain = (path: string, rule: string, got: unknown) => void;

/** What a child must know of its parent. */
export interface ParentFacts {
  /** `null` when the parent's own value is wrong. */
  readonly autoShutdown: AutoShutdown | null;
}

/** C5. The default of `restart` is permanent, so a significant child must say that it is not. */
export function checkSignificance(node: Fields, parent: ParentFacts, complain: Complain): void {
  if (node.significant !== true) return;
  if ((node.restart ?? DEFAULTS.restart) === 'permanent')
    complain('significant', 'must not be true for a child with restart permanent', true);
  if (parent.autoShutdown === 'never')
    complain('significant', 'must not be true where autoShutdown of the parent is never', true);
}

/** What joins the fields of a supervisor or pool. */
export function checkSupervision(node: Fields, wrong: ReadonlySet<string>, complain: Complain): void {
  if (node.start === 'parallel' && !wrong.has('strategy') && (node.strategy ?? DEFAULTS.strategy) !== 'one_for_one')
    complain('start', 'must not be parallel where a strategy ties the children to their order', 'parallel');
  checkBudget(node, wrong, complain);
}

/** A budget that its own backoff makes unreachable would restart for ever. Under `otpExact` there is no backoff. */
function checkBudget(node: Fields, wrong: ReadonlySet<string>, complain: Complain): void {
  if (node.otpExact === true || BUDGET.some((key) => wrong.has(key))) return;
  const { within } = numbersOf(node);
  if (within === undefined) return; // it is derived
  const { maxRestarts } = { ...DEFAULTS.budget, ...numbersOf(node) };
  const { initial, factor, max } = { ...DEFAULTS.backoff, ...numbersOf(node.backoff) };
  const row = slowestRow(maxRestarts, { initial, factor, max });
  if (row <= within * (1 + ROUNDING)) return;
  const least = Number(row.toPrecision(12));
  const sum = sumText(maxRestarts, { initial, factor, max });
  const rule = `must be at least ${least}, the time that ${maxRestarts} restarts with this backoff take (${sum} ms)`;
  complain('within', `${rule}; if it is not given, it is derived`, within);
}

/** A pool cannot start with more than it may have. */
export function checkInstances(instances: Fields, wrong: ReadonlySet<string>, complain: Complain): void {
  const { size, max } = { ...DEFAULTS.pool, ...numbersOf(instances) };
  if (size > max && !wrong.has('size') && !wrong.has('max'))
    complain('size', `must be at most max, which is ${max}`, size);
}

/** What joins the fields of an agent or of the template of a pool. */
export function checkAgent(node: Fields, form: Form, complain: Complain): void {
  if (form === 'any') checkBody(node, complain);
  const ports = checkPorts(node.ports, complain);
  checkReadiness(node.readiness, ports, complain);
  checkTemplates(node, ports, complain);
}

function checkBody(node: Fields, complain: Complain): void {
  const given = BODIES.filter((key) => node[key] !== undefined);
  if (given.length !== 1)
    complain('', 'must have exactly one of command, task, logic', `(${given.join(', ') || 'none'})`);
  if (node.input !== undefined && node.logic === undefined)
    complain('input', 'must not be given without logic', undefined);
  if (given.length !== 1 || node.command !== undefined) return;
  checkInProcess(node, complain);
  if (node.logic !== undefined) checkLogic(node, complain);
}

/** A task or logic runs in this process: it has no environment, directory, signals and memory of its own. */
function checkInProcess(node: Fields, complain: Complain): void {
  const stop = isFields(node.stop) ? node.stop : {};
  const fields = { env: node.env, cwd: node.cwd, limits: node.limits, 'stop.signal': stop.signal };
  for (const [path, value] of Object.entries(fields))
    if (value !== undefined) complain(path, 'must not be given without command', undefined);
}

/** An actor logic gets its input and its events, nothing else. */
function checkLogic(node: Fields, complain: Complain): void {
  if (node.ports !== undefined) complain('ports', 'must not be given with logic, which is not told them', undefined);
  if (isFields(node.readiness) && node.readiness.type === 'notify')
    complain('readiness.type', 'must not be notify with logic, which has no way to say it', 'notify');
}

/** Names must differ in more than case, because each is PORT_<NAME> too. Returns the names. */
function checkPorts(ports: unknown, complain: Complain): string[] {
  const names = (Array.isArray(ports) ? ports : []).map(portNameOf);
  const first = new Map<string, number>();
  names.forEach((name, i) => {
    if (name === null) return;
    const earlier = first.get(portVariable(name));
    if (earlier === undefined) first.set(portVariable(name), i);
    else complain(fieldPath('ports', i), `must have another name than ports[${earlier}], in more than case`, name);
  });
  return names.filter((name) => name !== null);
}

function checkReadiness(readiness: unknown, ports: readonly string[], complain: Complain): void {
  if (!isFields(readiness) || readiness.type !== 'port') return;
  if (ports.length === 0) complain('readiness', 'must not wait for a port of an agent without ports', 'port');
  else if (typeof readiness.port === 'string' && !ports.includes(readiness.port))
    complain('readiness.port', `must be one of the ports of this agent: ${ports.join(', ')}`, readiness.port);
}

function checkTemplates(node: Fields, ports: readonly string[], complain: Complain): void {
  const check = (path: string, text: unknown) => {
    if (typeof text !== 'string') return;
    for (const placeholder of unknownPorts(text, ports))
      complain(
        path,
        `must not use ${placeholder}, a port that it does not have; the text itself is {${placeholder}}`,
        text,
      );
  };
  const exec = isFields(node.readiness) ? node.readiness.command : undefined;
  listOf(node.command).forEach((text, i) => void check(fieldPath('command', i), text));
  listOf(exec).forEach((text, i) => void check(fieldPath('readiness.command', i), text));
  if (isFields(node.env)) for (const [name, text] of Object.entries(node.env)) check(fieldPath('env', name), text);
}

function portNameOf(port: unknown): string | null {
  const name = isFields(port) ? port.name : port;
  return typeof name === 'string' ? name : null;
}

/** The fields that are numbers: all that may stand in for a default here. */
function numbersOf(value: unknown): Record<string, number> {
  const entries = isFields(value) ? Object.entries(value) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const BUDGET = ['maxRestarts', 'within', 'backoff', 'otpExact'] as const;
const BODIES = ['command', 'task', 'logic'] as const;

/** The sum is computed by logarithms; a budget that fits exactly must not fail by its last digit. */
const ROUNDING = 1e-9;
