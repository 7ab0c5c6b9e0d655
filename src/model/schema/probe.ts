import * as v from 'valibot';
import { DEFAULTS } from '../defaults.js';
import { count, field, fields, needed, OBJECT, oneOf, positive, text } from './field.js';

/** A path, perhaps with a query: what the request line of HTTP can hold. */
const HTTP_PATH = /^\/[!-"$-~]*$/;

/* The schemas of readiness, and of what its probes refer to. */

/** Program and arguments. */
export const command = v.pipe(
  v.array(text, 'must be a list of strings'),
  v.minLength(1, 'must name a program'),
  v.check((words) => words[0] !== '', 'must not begin with an empty name'),
);

/** The name of a port. */
export const portName = v.pipe(
  v.string('must be a string'),
  v.regex(/^[A-Za-z][A-Za-z0-9_]*$/, 'must match ^[A-Za-z][A-Za-z0-9_]*$'),
);

const path = v.pipe(text, v.regex(HTTP_PATH, 'must begin with / and contain no space, # or control character'));

const timeout = field(`How long until it counts as failed, in ms. If not given, ${DEFAULTS.readyTimeout}.`, positive);
const stream = oneOf(['stdout', 'stderr', 'both']);

/** When an agent counts as ready. */
export const readiness = v.variant(
  'type',
  [
    fields('Ready by itself', {
      type: v.literal('none'),
      minUptime: field(
        `How long it must have run, in ms. If not given, ${DEFAULTS.minUptime}: ready as soon as the program runs.`,
        count,
      ),
    }),
    fields('Ready when the port accepts', {
      type: v.literal('port'),
      port: field('The name of the port. If not given, the first one.', portName),
      interval: field(`Between attempts, in ms. If not given, ${DEFAULTS.portInterval}.`, positive),
      timeout,
    }),
    fields('Ready when it answers HTTP', {
      type: v.literal('http'),
      port: field('The name of the port. If not given, the first one.', portName),
      path: field(
        `The path of the GET request; ready when the status is from 200 to 399. Redirects are not followed. If not given, ${DEFAULTS.httpPath}.`,
        path,
      ),
      interval: field(`Between requests, in ms. If not given, ${DEFAULTS.httpInterval}.`, positive),
      timeout,
    }),
    fields('Ready when a line matches', {
      type: v.literal('log'),
      pattern: needed(
        'A regular expression.',
        v.pipe(v.string('must be a string'), v.check(compiles, 'must be a regular expression')),
      ),
      stream: field(`If not given, ${DEFAULTS.stream}.`, stream),
      timeout,
    }),
    fields('Ready when a command succeeds', {
      type: v.literal('exec'),
      command: needed('Program and arguments; ready when it exits with 0.', command),
      interval: field(`Between runs, in ms. If not given, ${DEFAULTS.execInterval}.`, positive),
      timeout,
    }),
    fields('Ready when it says so', { type: v.literal('notify'), timeout }),
  ],
  (issue) => (issue.expected === 'Object' ? OBJECT : 'must be one of none, port, http, log, exec, notify'),
);

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}
