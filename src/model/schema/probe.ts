import * as v from 'valibot';
import { DEFAULTS } from '../defaults.js';
import { count, field, fields, needed, OBJECT, oneOf, positive, text } from './field.js';

/** A path, perhaps with a query: what the request line of HTTP can hold. */
const HTTP_PATH = /^\/[!-"$-~]*$/;

/* The schemas of readiness and liveness. */

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

const { probe: PROBE, silence: SILENCE } = DEFAULTS.liveness;

const initialDelay = field(
  `From ready to the first run, or to the first silence that counts, in ms. If not given, ${PROBE.initialDelay}.`,
  count,
);
const probeTimes = {
  initialDelay,
  period: field(
    `From the start of a run to the start of the next, in ms; runs never overlap. If not given, ${PROBE.period}.`,
    positive,
  ),
  timeout: field(`How long a run may take before it has failed, in ms. If not given, ${PROBE.timeout}.`, positive),
  failures: field(`So many failures in a row end the agent. If not given, ${PROBE.failures}.`, positive),
};
const silenceTimes = {
  initialDelay,
  failures: field(
    `So many times in a row \`timeout\` must pass in silence. If not given, ${SILENCE.failures}.`,
    positive,
  ),
};

/** How the health of a running agent is judged. */
export const liveness = v.variant(
  'type',
  [
    fields('Alive when it answers HTTP', {
      type: v.literal('http'),
      port: field('The name of the port. If not given, the first one.', portName),
      path: field(
        `The path of the GET request; it passes when the status is from 200 to 399. Redirects are not followed. If not given, ${DEFAULTS.httpPath}.`,
        path,
      ),
      ...probeTimes,
    }),
    fields('Alive when the port accepts', {
      type: v.literal('tcp'),
      port: field('The name of the port. If not given, the first one.', portName),
      ...probeTimes,
    }),
    fields('Alive when a command succeeds', {
      type: v.literal('exec'),
      command: needed('Program and arguments; it passes when it exits with 0.', command),
      ...probeTimes,
    }),
    fields('Alive while it sends WATCHDOG=1', {
      type: v.literal('notify'),
      timeout: field(
        `The longest time between two messages, in ms. The agent finds it in WATCHDOG_USEC. If not given, ${SILENCE.timeout}.`,
        positive,
      ),
      ...silenceTimes,
    }),
    fields('Alive while it writes', {
      type: v.literal('idle'),
      timeout: needed('The longest time without output, in ms.', positive),
      stream: field(`If not given, ${DEFAULTS.stream}.`, stream),
      ...silenceTimes,
    }),
  ],
  (issue) => (issue.expected === 'Object' ? OBJECT : 'must be one of http, tcp, exec, notify, idle'),
);

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}
