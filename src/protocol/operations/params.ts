import * as v from 'valibot';
import { SupertreeError } from '../../errors.js';
import type { AgentData } from '../../model/input.js';
import { isTerminalLength, TERMINAL_LENGTH } from '../../model/process.js';
import { isMap, show } from '../kinds.js';

export const agent = v.string('must be a string: a path, an id or a uuid');
export const path = v.exactOptional(v.string('must be a string'));
export const id = v.string('must be a string');
export const flag = v.exactOptional(v.boolean('must be true or false'));
export const signal = v.string('must be the name of a signal');
export const mode = v.exactOptional(v.picklist(['forced', 'cooperative'], 'must be forced or cooperative'));
export const stream = v.exactOptional(v.picklist(['stdout', 'stderr', 'both'], 'must be stdout, stderr or both'));
export const data: v.GenericSchema<unknown, string | Uint8Array> = v.union(
  [v.string(), v.instance(Uint8Array)],
  'must be a string or bytes',
);
export const anything = v.exactOptional(v.unknown());

export const sequence = v.exactOptional(
  v.pipe(
    v.number('must be an integer from 0'),
    v.integer('must be an integer from 0'),
    v.minValue(0, 'must be an integer from 0'),
  ),
);

export const terminalLength = v.pipe(v.number(TERMINAL_LENGTH), v.check(isTerminalLength, TERMINAL_LENGTH));

export const agentInput = v.custom<AgentData>(
  (given) => isMap(given) && !('children' in given) && !('pool' in given),
  'must be an agent: add_child takes supervisors and pools',
);

/** Exactly these parameters: an unknown one would be ignored without notice. */
export function exactly<const E extends v.ObjectEntries>(entries: E): v.StrictObjectSchema<E, string> {
  return v.strictObject(entries, 'is not a parameter of this operation');
}

/** The parameters of lifecycle operations. `wait: false` is answered as soon as the command is accepted. */
export const lifecycle = exactly({ agent, wait: flag });

/** The parameters of operations on a child of a supervisor, of the root if no path is given. */
export const child = exactly({ path, id });

/** Checks and returns the parameters; nil counts as absent. Throws MESSAGE_INVALID with every problem, the first one also separately. */
export function readParams<P>(schema: v.GenericSchema<unknown, P>, given: Readonly<Record<string, unknown>>): P {
  const hasNil = Object.values(given).includes(null);
  const present = hasNil ? Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) : given;
  const result = v.safeParse(schema, present);
  if (result.success) return result.output;
  const problems = result.issues.map(problemOf);
  const problem = problems.map(({ field, rule, value }) => `${field} ${rule}, got ${value}`).join('; ');
  throw new SupertreeError('MESSAGE_INVALID', { problem, ...problems[0], problems });
}

function problemOf(issue: v.BaseIssue<unknown>): { field: string; rule: string; value: string } {
  const field = `params.${v.getDotPath(issue) ?? ''}`;
  if (issue.input === undefined) return { field, rule: 'is missing', value: 'nothing' };
  // Input for an agent may be a secret, so no error shows it.
  const value = field.startsWith('params.data') ? 'something else' : show(issue.input);
  return { field, rule: issue.message, value };
}
