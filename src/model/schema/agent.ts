import * as v from 'valibot';
import { DEFAULTS } from '../defaults.js';
import { signalName } from '../signal.js';
import { count, exact, field, fields, filled, membership, needed, OBJECT, oneOf, positive, text } from './field.js';
import { command, liveness, portName, readiness } from './probe.js';
import { processOptions, variableName } from './process.js';

const env = v.record(variableName, v.nullable(text), OBJECT);

const metadata = v.pipe(
  v.record(v.string(), v.string('must be a string'), OBJECT),
  v.maxEntries(64, 'must have at most 64 entries'),
);

const PORT = 'must be an integer from 1 to 65535';
const portNumber = v.pipe(v.number(PORT), v.integer(PORT), v.minValue(1, PORT), v.maxValue(65_535, PORT));
const port = v.union(
  [
    portName,
    fields('Port', {
      name: needed('Its name in {port:name} and PORT_<NAME>.', portName),
      preferred: field('The port to try first. If not given, none.', portNumber),
    }),
  ],
  'must be a name or an object',
);

const { stop: STOP } = DEFAULTS;
const STAGES = `${STOP.signal}, ${STOP.ask / 1_000} s, ${STOP.signal}, ${STOP.insist / 1_000} s, SIGKILL, ${STOP.kill / 1_000} s`;

const ASK = 'must be an integer >= 0 or "infinity"';
const ask = v.union(
  [
    v.pipe(
      v.number(ASK),
      v.integer(ASK),
      v.minValue(0, ASK),
      v.check((ms) => Number.isSafeInteger(ms), ASK),
    ),
    v.literal('infinity'),
  ],
  ASK,
);
const signal = v.pipe(
  v.string('must be a string'),
  v.check((name) => signalName(name) !== null, 'must be the name of a signal, such as SIGTERM'),
);

const stopPlan = fields('Stop', {
  signal: exact(`The first signal. If not given, ${STOP.signal}.`, signal),
  message: exact(
    'A line for standard input instead of the signal. If not given, the signal is sent.',
    v.string('must be a string'),
  ),
  closeInput: exact(
    'Closes standard input first, and sends the signal after so many ms. If not given, it is not closed first.',
    positive,
  ),
  scope: exact(
    `Which processes get the signal: all of its tree, or its main process alone, whose leftovers get SIGKILL. If not given, ${STOP.scope}.`,
    oneOf(['tree', 'main']),
  ),
  ask: exact(`How long the first stop request may take, in ms, or "infinity". If not given, ${STOP.ask}.`, ask),
  insist: exact(
    `How long the second stop request may take, before SIGKILL, in ms. If not given, ${STOP.insist}.`,
    count,
  ),
  kill: exact(`How long after SIGKILL it becomes a zombie, in ms. If not given, ${STOP.kill}.`, count),
  drain: exact(`How long output is read after its last process has ended, in ms. If not given, ${STOP.drain}.`, count),
});

const stop = v.union([oneOf(['brutal_kill', 'infinity']), stopPlan], 'must be an object, "brutal_kill" or "infinity"');

const action = field(
  `What happens when it is exceeded. If not given, ${DEFAULTS.limitAction}.`,
  oneOf(['report', 'restart', 'stop']),
);
const PERCENT = 'must be a number > 0';
const percent = v.pipe(v.number(PERCENT), v.finite(PERCENT), v.gtValue(0, PERCENT));
const limits = fields('Limits', {
  memory: field(
    'Memory of the process tree: PSS, where a page that its processes share counts once, or RSS where that cannot be read.',
    fields('Memory limit', { max: needed('Bytes.', positive), action }),
  ),
  cpu: field(
    'Processor use of the process tree.',
    fields('CPU limit', { max: needed('Percent of one core.', percent), action }),
  ),
});

const output = fields('Output', {
  bytes: exact(`The size of the ring of each stream, in bytes. If not given, ${DEFAULTS.output.bytes}.`, positive),
  lines: exact(`The number of lines in the ring of each stream. If not given, ${DEFAULTS.output.lines}.`, positive),
  lineBytes: exact(`A longer line is split, in bytes. If not given, ${DEFAULTS.output.lineBytes}.`, positive),
  order: exact(
    `Whether stdout and stderr are two pipes, or merged into one: then lines are in the order in which they were written, and all are of stdout. If not given, ${DEFAULTS.output.order}.`,
    oneOf(['separate', 'merged']),
  ),
});

const EXIT_CODE = 'must be an integer from 0 to 255';
const exitCode = v.pipe(
  v.number(EXIT_CODE),
  v.integer(EXIT_CODE),
  v.minValue(0, EXIT_CODE),
  v.maxValue(255, EXIT_CODE),
);

/** The fields of an agent except its id and its body. */
export const traits = {
  cwd: field('Its working directory. If not given, that of the supervisor.', filled),
  env: field(
    'Added to the variables that it inherits, and null for one that it does not inherit; {port}, {port:name}, {id}, {incarnation} are replaced. If not given, nothing.',
    env,
  ),
  ...membership,
  ports: field(
    'The ports that are leased to it. The first one is PORT, each one PORT_<NAME>. If not given, none.',
    v.array(port, 'must be a list'),
  ),
  readiness: field('When it counts as ready. If not given, as soon as it runs.', readiness),
  liveness: field('How its health is judged while it runs. If not given, it is not.', liveness),
  stop: field(`How it is stopped. If not given, ${STAGES}.`, stop),
  pause: field(
    `The mode of pause without an explicit one. If not given, ${DEFAULTS.pause}.`,
    oneOf(['forced', 'cooperative']),
  ),
  successCodes: field(
    `Exit codes that count as success. If not given, ${JSON.stringify(DEFAULTS.successCodes)}.`,
    v.array(exitCode, 'must be a list of integers'),
  ),
  limits: field('Resource limits. If not given, none, and its usage is not sampled.', limits),
  maxRuntime: field(
    'The longest runtime of an incarnation, pauses excluded, in ms; then it is stopped and not restarted. If not given, unlimited.',
    positive,
  ),
  output: field('The limits of its output rings.', output),
  ...processOptions,
  metadata: field('Stored and listed, never interpreted. If not given, nothing.', metadata),
};

const COMMAND = 'Program and arguments, no shell; {port}, {port:name}, {id}, {incarnation} are replaced.';
/** The body of an agent as data. */
export const dataBody = { command: v.pipe(command, v.description(COMMAND)) };
/** The body of an agent as input of a program. */
export const anyBody = {
  command: v.optional(command),
  task: v.optional(v.function('must be a function')),
  logic: v.optional(v.custom(isLogic, 'must be actor logic of XState')),
  input: v.optional(v.unknown()),
};

/** Whether it is an XState ActorLogic: any object with these two functions. Never throws. */
export function isLogic(value: unknown): boolean {
  try {
    const logic = value as { transition?: unknown; getInitialSnapshot?: unknown } | null;
    return typeof logic?.transition === 'function' && typeof logic.getInitialSnapshot === 'function';
  } catch {
    return false;
  }
}
