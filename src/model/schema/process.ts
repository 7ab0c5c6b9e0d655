import * as v from 'valibot';
import { isInheritable } from '../environment.js';
import { PROCESS_DEFAULTS } from '../process.js';
import { field, noNul, oneOf } from './field.js';

/** The name of an environment variable. */
export const variableName = v.pipe(
  v.string('must be a string'),
  v.check((name) => name !== '' && !name.includes('=') && noNul(name), 'must have a name without = and NUL'),
);

const inheritedName = v.pipe(
  variableName,
  v.check(isInheritable, 'must not be a variable of the service manager or of supertree: those are never inherited'),
);

/** The fields of an agent that are options of its process. */
export const processOptions = {
  stdin: field(
    `What its standard input is: a pipe that can be written to, or /dev/null (closed). If not given, ${PROCESS_DEFAULTS.stdin}.`,
    oneOf(['pipe', 'closed']),
  ),
  inherit: field(
    `Which variables of the environment of the supervisor it inherits: all, none, or those of the list. If not given, ${PROCESS_DEFAULTS.inherit}.`,
    v.union([oneOf(['all', 'none']), v.array(inheritedName, 'must be a list')], 'must be all, none or a list of names'),
  ),
  unset: field(
    'Variables that it does not inherit, as with null in env, for TOML, which has no null. If not given, none.',
    v.array(variableName, 'must be a list of names'),
  ),
};
