import type { ProcessPlan } from './process.js';
import type { AgentSpec } from './spec.js';
import { agentEnvironment, type EnvironmentFacts, fillEnvironment } from './template.js';

/*
 * The environment of a process, see environ(7). From the lowest precedence to the highest: what it inherits from the program, PWD, TERM where it has a terminal, the variables of its
 * spec, those of supertree.
 */

type Variables = Readonly<Record<string, string>>;

/**
 * Variables that belong to the service manager of the program, see sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3): an agent that got them would
 * speak for the program. OLDPWD belongs to the shell that started it.
 */
const OF_THE_PROGRAM: ReadonlySet<string> = new Set([
  'NOTIFY_SOCKET',
  'LISTEN_FDS',
  'LISTEN_PID',
  'LISTEN_FDNAMES',
  'LISTEN_PIDFDID',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'OLDPWD',
]);

/** The variables of supertree are set for each agent; those of a tree around this one must not be inherited. */
const OWN = 'SUPERTREE_';

/** False for a variable that no agent inherits, whatever its spec says. */
export function isInheritable(name: string): boolean {
  return !OF_THE_PROGRAM.has(name) && !name.startsWith(OWN);
}

/** The variables of a program that its agents may inherit. */
export function inheritableEnvironment(own: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const all = Object.entries(own).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(all.filter(([name]) => isInheritable(name)));
}

/** What `processEnvironment` needs. */
export interface EnvironmentParts {
  /** The inheritable variables of the program. */
  readonly program: Variables;
  readonly spec: Pick<AgentSpec, 'env' | 'process'>;
  readonly facts: EnvironmentFacts;
  /** The absolute path of the working directory of the process; `null` when it has none. */
  readonly directory: string | null;
}

/** The whole environment of one incarnation. */
export function processEnvironment({ program, spec, facts, directory }: EnvironmentParts): Record<string, string> {
  const env: Record<string, string> = inherited(program, spec.process);
  if (directory === null) delete env.PWD;
  else env.PWD = directory;
  if (spec.process.stdin === 'pty') useOwnTerminal(env);
  for (const name of spec.process.unset) delete env[name];
  return Object.assign(env, fillEnvironment(spec.env, facts), agentEnvironment(facts));
}

/** Its terminal is not that of the program. Most terminals of today know the sequences of xterm. */
function useOwnTerminal(env: Record<string, string>): void {
  for (const name of ['COLUMNS', 'LINES', 'TERMCAP']) delete env[name];
  env.TERM = 'xterm-256color';
}

function inherited(program: Variables, { inherit }: ProcessPlan): Record<string, string> {
  if (inherit === 'all') return { ...program };
  if (inherit === 'none') return {};
  return Object.fromEntries(
    inherit.filter((name) => Object.hasOwn(program, name)).map((name) => [name, program[name]!]),
  );
}
