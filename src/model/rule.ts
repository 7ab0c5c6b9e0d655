import { slowestRow, sumText } from './budget.js';
import { DEFAULTS } from './defaults.js';
import { fieldPath } from './problem.js';
import { PROCESS_OPTIONS } from './process.js';
import type { Form } from './schema.js';
import type { Fields } from './snapshot.js';
import type { AutoShutdown } from './spec.js';
import { portVariable, unknownPorts } from './template.js';

/*
 * The rules between several fields of one node. The fields may be invalid by themselves: then the schema has reported them, and the rule adds nothing.
 */

/** Adds one problem: the path within the node, the rule and the value. */
export type AddProblem = (path: string, rule: string, got: unknown) => void;

/** The facts about the parent that a child's rules need. */
export interface ParentFacts {
  /** `null` when the parent's own value is invalid. */
  readonly autoShutdown: AutoShutdown | null;
}

/** C5. The default of `restart` is permanent, so a significant child needs an explicit other value. */
export function checkSignificance(node: Fields, parent: ParentFacts, addProblem: AddProblem): void {
  if (node.significant !== true) return;
  if ((node.restart ?? DEFAULTS.restart) === 'permanent')
    addProblem('significant', 'must not be true for a child with restart permanent', true);
  if (parent.autoShutdown === 'never')
    addProblem('significant', 'must not be true where autoShutdown of the parent is never', true);
}

/** The rules between fields of a supervisor or pool. */
export function checkSupervision(node: Fields, wrong: ReadonlySet<string>, addProblem: AddProblem): void {
  if (node.start === 'parallel' && !wrong.has('strategy') && (node.strategy ?? DEFAULTS.strategy) !== 'one_for_one')
    addProblem('start', 'must not be parallel where a strategy ties the children to their order', 'parallel');
  checkBudget(node, wrong, addProblem);
}

/** A budget that its own backoff makes unreachable would restart for ever. Under `otpExact` there is no backoff. */
function checkBudget(node: Fields, wrong: ReadonlySet<string>, addProblem: AddProblem): void {
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
  addProblem('within', `${rule}; if it is not given, it is derived`, within);
}

/** A pool cannot start with more instances than its maximum. */
export function checkInstances(instances: Fields, wrong: ReadonlySet<string>, addProblem: AddProblem): void {
  const { size, max } = { ...DEFAULTS.pool, ...numbersOf(instances) };
  if (size > max && !wrong.has('size') && !wrong.has('max'))
    addProblem('size', `must be at most max, which is ${max}`, size);
}

/** The rules between fields of an agent or of the template of a pool. */
export function checkAgent(node: Fields, form: Form, addProblem: AddProblem): void {
  if (form === 'any') checkBody(node, addProblem);
  const ports = checkPorts(node.ports, addProblem);
  checkPort('readiness', node.readiness, ports, addProblem);
  checkPort('liveness', node.liveness, ports, addProblem);
  checkTemplates(node, ports, addProblem);
  checkUnset(node, addProblem);
  if (node.stdin === 'closed') checkClosedInput(node, addProblem);
  checkTerminal(node, addProblem);
  checkStop(node.stop, addProblem);
  checkOutput(node, addProblem);
}

/** A variable has one value, or none. */
function checkUnset(node: Fields, addProblem: AddProblem): void {
  const env = isFields(node.env) ? node.env : {};
  listOf(node.unset).forEach((name, i) => {
    if (typeof name === 'string' && typeof env[name] === 'string')
      addProblem(fieldPath('unset', i), 'must not be a variable that env sets', name);
  });
}

/** A line cannot be written to an input that was closed before. */
function checkStop(stop: unknown, addProblem: AddProblem): void {
  if (isFields(stop) && stop.closeInput !== undefined && stop.message !== undefined)
    addProblem('stop.closeInput', 'must not be given with a message, which needs an open input', stop.closeInput);
}

/** With one stream there are no lines of stderr. */
function checkOutput({ output, readiness, stdin }: Fields, addProblem: AddProblem): void {
  const how =
    stdin === 'pty' ? 'stdin pty' : isFields(output) && output.order === 'merged' ? 'output.order merged' : null;
  if (how !== null && isFields(readiness) && readiness.stream === 'stderr')
    addProblem('readiness.stream', `must not be stderr with ${how}: all lines are of stdout`, 'stderr');
}

/** A terminal is one stream. */
function checkTerminal({ stdin, pty, output }: Fields, addProblem: AddProblem): void {
  if (pty !== undefined && stdin !== 'pty') addProblem('pty', 'must not be given without stdin pty', undefined);
  if (stdin === 'pty' && isFields(output) && output.order === 'separate')
    addProblem('output.order', 'must not be separate with stdin pty: a terminal is one stream', 'separate');
}

/** Nothing can be written to a standard input that is closed. */
function checkClosedInput(node: Fields, addProblem: AddProblem): void {
  const stop = isFields(node.stop) ? node.stop : {};
  for (const key of ['message', 'closeInput'])
    if (stop[key] !== undefined) addProblem(`stop.${key}`, 'must not be given with stdin closed', undefined);
  if (node.pause === 'cooperative') addProblem('pause', 'must not be cooperative with stdin closed', 'cooperative');
}

function checkBody(node: Fields, addProblem: AddProblem): void {
  const given = BODIES.filter((key) => node[key] !== undefined);
  if (given.length !== 1)
    addProblem('', 'must have exactly one of command, task, logic', `(${given.join(', ') || 'none'})`);
  if (node.input !== undefined && node.logic === undefined)
    addProblem('input', 'must not be given without logic', undefined);
  if (given.length !== 1 || node.command !== undefined) return;
  checkInProcess(node, addProblem);
  if (node.logic !== undefined) checkLogic(node, addProblem);
}

/** A task or logic runs in this process: it has no environment, directory, signals and memory of its own. */
function checkInProcess(node: Fields, addProblem: AddProblem): void {
  const stop = isFields(node.stop) ? node.stop : {};
  const order = isFields(node.output) ? node.output.order : undefined;
  const options = Object.fromEntries(PROCESS_OPTIONS.map((name) => [name, node[name]]));
  const fields = {
    env: node.env,
    cwd: node.cwd,
    limits: node.limits,
    'stop.signal': stop.signal,
    ...stopOptions(stop),
    ...options,
    'output.order': order,
  };
  for (const [path, value] of Object.entries(fields))
    if (value !== undefined) addProblem(path, 'must not be given without command', undefined);
  if (isFields(node.liveness) && node.liveness.type === 'notify')
    addProblem('liveness.type', 'must not be notify without command: only a process can send WATCHDOG=1', 'notify');
}

/** Those that a task or a logic cannot have. */
function stopOptions({ scope, closeInput }: Fields): Fields {
  return { 'stop.scope': scope, 'stop.closeInput': closeInput };
}

/** Actor logic gets its input and its events, nothing else. */
function checkLogic(node: Fields, addProblem: AddProblem): void {
  if (node.ports !== undefined)
    addProblem('ports', 'must not be given with logic, which cannot receive them', undefined);
  if (isFields(node.readiness) && node.readiness.type === 'notify')
    addProblem('readiness.type', 'must not be notify with logic, which cannot send READY=1', 'notify');
}

/** Names must differ in more than case, because each is also part of PORT_<NAME>. Returns the names. */
function checkPorts(ports: unknown, addProblem: AddProblem): string[] {
  const names = (Array.isArray(ports) ? ports : []).map(portNameOf);
  const first = new Map<string, number>();
  names.forEach((name, i) => {
    if (name === null) return;
    const earlier = first.get(portVariable(name));
    if (earlier === undefined) first.set(portVariable(name), i);
    else addProblem(fieldPath('ports', i), `must have another name than ports[${earlier}], in more than case`, name);
  });
  return names.filter((name) => name !== null);
}

/** The probe of a readiness or a liveness may need a port. */
function checkPort(path: string, probe: unknown, ports: readonly string[], addProblem: AddProblem): void {
  if (!isFields(probe) || !PORT_PROBES.has(probe.type)) return;
  if (ports.length === 0) addProblem(path, 'must not refer to a port of an agent without ports', probe.type);
  else if (typeof probe.port === 'string' && !ports.includes(probe.port))
    addProblem(`${path}.port`, `must be one of the ports of this agent: ${ports.join(', ')}`, probe.port);
}

const PORT_PROBES: ReadonlySet<unknown> = new Set(['port', 'http', 'tcp']);

function checkTemplates(node: Fields, ports: readonly string[], addProblem: AddProblem): void {
  const check = (path: string, text: unknown) => {
    if (typeof text !== 'string') return;
    for (const placeholder of unknownPorts(text, ports))
      addProblem(
        path,
        `must not use ${placeholder}, a port that it does not have; the text itself is {${placeholder}}`,
        text,
      );
  };
  listOf(node.command).forEach((text, i) => void check(fieldPath('command', i), text));
  for (const key of ['readiness', 'liveness']) {
    const probe = node[key];
    const command = isFields(probe) ? listOf(probe.command) : [];
    command.forEach((text, i) => void check(fieldPath(`${key}.command`, i), text));
  }
  const hooks = isFields(node.hooks) ? node.hooks : {};
  for (const hook of ['beforeStart', 'afterEnd'])
    listOf(hooks[hook]).forEach((text, i) => void check(fieldPath(`hooks.${hook}`, i), text));
  if (isFields(node.env)) for (const [name, text] of Object.entries(node.env)) check(fieldPath('env', name), text);
}

function portNameOf(port: unknown): string | null {
  const name = isFields(port) ? port.name : port;
  return typeof name === 'string' ? name : null;
}

/** The fields that are numbers: only those replace defaults here. */
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

/** The sum is computed by logarithms; a budget that fits exactly must not be rejected by a rounding error. */
const ROUNDING = 1e-9;
