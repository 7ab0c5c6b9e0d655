import * as v from 'valibot';
import { SupertreeError } from '../errors.js';
import type { AgentInput } from '../model/input.js';
import { isMap, show } from './kinds.js';
import type { OperationName, ParamsOf } from './operations.js';

const agent = v.string('must be a string: a path, an id or a uuid');
const path = v.exactOptional(v.string('must be a string'));
const flag = v.exactOptional(v.boolean('must be true or false'));
const sequence = v.exactOptional(
  v.pipe(
    v.number('must be an integer from 0'),
    v.integer('must be an integer from 0'),
    v.minValue(0, 'must be an integer from 0'),
  ),
);
const id = v.string('must be a string');
const lifecycle = v.object({ agent, wait: flag });
const child = v.object({ path, id });
const node = v.custom<AgentInput>(
  (given) => isMap(given) && !('children' in given) && !('pool' in given),
  'must be an agent: add_child takes supervisors and pools',
);

/** The parameters of every operation: what is read is what is told here. Keys that are not named are ignored. */
export const PARAMS: { readonly [N in OperationName]: v.GenericSchema<unknown, ParamsOf<N>> } = {
  ps: v.object({ usage: flag }),
  tree: v.object({ usage: flag }),
  status: v.object({ agent, usage: flag }),
  spawn: v.object({ spec: node, parent: path, wait: flag }),
  start: lifecycle,
  stop: lifecycle,
  kill: lifecycle,
  restart: lifecycle,
  pause: v.object({
    agent,
    wait: flag,
    mode: v.exactOptional(v.picklist(['forced', 'cooperative'], 'must be forced or cooperative')),
  }),
  resume: lifecycle,
  signal: v.object({ agent, signal: v.string('must be the name of a signal') }),
  send: v.object({
    agent,
    data: v.union([v.string(), v.instance(Uint8Array)], 'must be a string or bytes'),
    end: flag,
  }),
  logs: v.object({
    agent,
    stream: v.exactOptional(v.picklist(['stdout', 'stderr', 'both'], 'must be stdout, stderr or both')),
    from: sequence,
    last: sequence,
    limit: sequence,
  }),
  health: v.object({}),
  snapshot: v.object({}),
  streams: v.object({}),
  terminate_child: child,
  restart_child: child,
  delete_child: child,
  add_child: v.object({ path, spec: v.exactOptional(v.unknown()) }),
  which_children: v.object({ path }),
  count_children: v.object({ path }),
};

/** The parameters, checked; nil counts as absent. Throws MESSAGE_INVALID with every problem, the first one also apart. */
export function readParams<N extends OperationName>(
  operation: N,
  given: Readonly<Record<string, unknown>>,
): ParamsOf<N> {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  const result = v.safeParse(PARAMS[operation], present);
  if (result.success) return result.output;
  const problems = result.issues.map((issue) => {
    const field = `params.${v.getDotPath(issue) ?? ''}`;
    const missing = issue.input === undefined;
    // What goes to a standard input is in no error.
    const value = field.startsWith('params.data') ? 'something else' : show(issue.input);
    return { field, rule: missing ? 'is missing' : issue.message, value: missing ? 'nothing' : value };
  });
  const problem = problems.map(({ field, rule, value }) => `${field} ${rule}, got ${value}`).join('; ');
  throw new SupertreeError('MESSAGE_INVALID', { problem, ...problems[0], problems });
}

/** Throws COMMAND_UNKNOWN. */
export function operationOf(name: string): OperationName {
  if (Object.hasOwn(PARAMS, name)) return name as OperationName;
  throw new SupertreeError('COMMAND_UNKNOWN', { command: name, known: Object.keys(PARAMS).join(', ') });
}
