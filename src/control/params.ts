import * as v from 'valibot';
import { SupertreeError } from '../errors.js';
import type { AgentInput } from '../model/input.js';
import { isMap, show } from '../protocol/kinds.js';
import type { OperationName, ParamsOf } from '../protocol/operations.js';

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
/** A key that an operation would not look at must not look as if it did something. */
const exactly = <const E extends v.ObjectEntries>(entries: E) => v.strictObject(entries, NOT_NAMED);

const NOT_NAMED = 'is not a parameter of this operation';

const lifecycle = exactly({ agent, wait: flag });
const child = exactly({ path, id });
const node = v.custom<AgentInput>(
  (given) => isMap(given) && !('children' in given) && !('pool' in given),
  'must be an agent: add_child takes supervisors and pools',
);

/** The parameters of every operation: what is read is what is told here. Keys that are not named are refused. */
export const PARAMS: { readonly [N in OperationName]: v.GenericSchema<unknown, ParamsOf<N>> } = {
  ps: exactly({ usage: flag }),
  tree: exactly({ usage: flag }),
  status: exactly({ agent, usage: flag }),
  spawn: exactly({ spec: node, parent: path, wait: flag }),
  start: lifecycle,
  stop: lifecycle,
  kill: lifecycle,
  restart: lifecycle,
  pause: exactly({
    agent,
    wait: flag,
    mode: v.exactOptional(v.picklist(['forced', 'cooperative'], 'must be forced or cooperative')),
  }),
  resume: lifecycle,
  signal: exactly({ agent, signal: v.string('must be the name of a signal') }),
  send: exactly({
    agent,
    data: v.union([v.string(), v.instance(Uint8Array)], 'must be a string or bytes'),
    end: flag,
  }),
  logs: exactly({
    agent,
    stream: v.exactOptional(v.picklist(['stdout', 'stderr', 'both'], 'must be stdout, stderr or both')),
    from: sequence,
    last: sequence,
    limit: sequence,
  }),
  health: exactly({}),
  snapshot: exactly({}),
  streams: exactly({}),
  terminate_child: child,
  restart_child: child,
  delete_child: child,
  add_child: exactly({ path, spec: v.exactOptional(v.unknown()) }),
  which_children: exactly({ path }),
  count_children: exactly({ path }),
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
