import { PROCESS_DEFAULTS } from '../process.js';
import { field, oneOf } from './field.js';

/** The fields of an agent that are options of its process. */
export const processOptions = {
  stdin: field(
    `What its standard input is: a pipe that can be written to, or /dev/null (closed). If not given, ${PROCESS_DEFAULTS.stdin}.`,
    oneOf(['pipe', 'closed']),
  ),
};
