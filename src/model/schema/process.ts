import * as v from 'valibot';
import { DEFAULTS } from '../defaults.js';
import { isInheritable } from '../environment.js';
import { PROCESS_DEFAULTS, RESOURCES, type ResourceName } from '../process.js';
import { bounded, exact, field, fields, needed, noNul, oneOf, positive } from './field.js';
import { command } from './probe.js';

/** The name of an environment variable. */
export const variableName = v.pipe(
  v.string('must be a string'),
  v.check((name) => name !== '' && !name.includes('=') && noNul(name), 'must have a name without = and NUL'),
);

const inheritedName = v.pipe(
  variableName,
  v.check(isInheritable, 'must not be a variable of the service manager or of supertree: those are never inherited'),
);

const ID = 'must be an integer from 0 to 4294967294';
const ACCOUNT = /^[^\s:\0-][^\s:\0]*$/;

/** A name in passwd(5) or group(5), or its number. */
const account = v.union(
  [
    v.pipe(v.string(), v.regex(ACCOUNT, 'must be a name without spaces and colons')),
    v.pipe(bounded(0, 4_294_967_294, ID), v.integer(ID)),
  ],
  'must be a name or an integer >= 0',
);

function wholeFrom(min: number, max: number) {
  const rule = `must be an integer from ${min} to ${max}`;
  return v.pipe(bounded(min, max, rule), v.integer(rule));
}

/** A length of a terminal. */
const terminalLength = wholeFrom(1, 65_535);

const umask = v.pipe(
  v.string('must be three octal digits as text, such as "027"'),
  v.regex(/^0?[0-7]{3}$/, 'must be three octal digits as text, such as "027"'),
);

const LIMIT = 'must be an integer >= 0 or "infinity"';
const limit = v.union(
  [
    v.pipe(v.number(LIMIT), v.integer(LIMIT), v.minValue(0, LIMIT), v.maxValue(Number.MAX_SAFE_INTEGER, LIMIT)),
    v.literal('infinity'),
  ],
  LIMIT,
);
const softAndHard = v.pipe(
  fields('Rlimit', { soft: needed('The soft limit.', limit), hard: needed('The hard limit.', limit) }),
  v.check(
    ({ soft, hard }) => Number(finite(soft)) <= Number(finite(hard)),
    'must not have a soft limit above the hard one',
  ),
);
const rlimit = v.union([limit, softAndHard], 'must be an integer >= 0, "infinity", or { soft, hard }');

function finite(limit: number | string): number {
  return typeof limit === 'number' ? limit : Number.POSITIVE_INFINITY;
}

const rlimits = fields(
  'Rlimits',
  Object.fromEntries(
    Object.keys(RESOURCES).map((name) => [
      name,
      exact(`RLIMIT_${name.toUpperCase()}. If not given, that of the supervisor.`, rlimit),
    ]),
  ) as Record<ResourceName, ReturnType<typeof exact<typeof rlimit>>>,
);

/** The fields of an agent that are options of its process. */
export const processOptions = {
  stdin: field(
    `What its standard input is: a pipe that can be written to, /dev/null (closed), or a terminal (pty), which is its output as well. If not given, ${PROCESS_DEFAULTS.stdin}.`,
    oneOf(['pipe', 'closed', 'pty']),
  ),
  pty: field(
    'The first size of its terminal, with stdin pty.',
    fields('TerminalSize', {
      columns: exact(`The characters of a line. If not given, ${PROCESS_DEFAULTS.pty.columns}.`, terminalLength),
      rows: exact(`The lines. If not given, ${PROCESS_DEFAULTS.pty.rows}.`, terminalLength),
    }),
  ),
  inherit: field(
    `Which variables of the environment of the supervisor it inherits: all, none, or those of the list. If not given, ${PROCESS_DEFAULTS.inherit}.`,
    v.union([oneOf(['all', 'none']), v.array(inheritedName, 'must be a list')], 'must be all, none or a list of names'),
  ),
  unset: field(
    'Variables that it does not inherit, as with null in env, for TOML, which has no null. If not given, none.',
    v.array(variableName, 'must be a list of names'),
  ),
  user: field(
    'The user that it runs as, a name in /etc/passwd or a uid. If not given, that of the supervisor.',
    account,
  ),
  group: field('The group that it runs as, a name in /etc/group or a gid. If not given, that of the user.', account),
  umask: field('The umask(2), three octal digits as text. If not given, that of the supervisor.', umask),
  nice: field('The niceness, see nice(2). If not given, that of the supervisor.', wholeFrom(-20, 19)),
  rlimits: field('Limits of resources, see getrlimit(2). If not given, those of the supervisor.', rlimits),
  hooks: field(
    'Commands before the start and after the end, as ExecStartPre and ExecStopPost of systemd. If not given, none.',
    fields('Hooks', {
      beforeStart: exact('Must exit with 0 before each start; else the start has failed. If not given, none.', command),
      afterEnd: exact('Runs after the end of each incarnation, also of a failed start. If not given, none.', command),
      timeout: exact(
        `How long each may take, in ms; then it is killed. If not given, ${DEFAULTS.hooks.timeout}.`,
        positive,
      ),
    }),
  ),
  oomScoreAdj: field(
    'See proc_pid_oom_score_adj(5): -1000 is never killed for memory, 1000 first. If not given, that of the supervisor.',
    wholeFrom(-1000, 1000),
  ),
};
