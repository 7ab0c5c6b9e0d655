/*
 * What an agent asks of its process: the input form, and the normalised one. A task or a logic has no process of its own; its spec has the defaults, which
 * no driver reads.
 */

/** What standard input is connected to: a pipe from the program, /dev/null, which is at its end at once, or a terminal of its own. */
export type StdinMode = 'pipe' | 'closed' | 'pty';

/** The size of a terminal in characters, see tty_ioctl(4). */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The rule for each length of a terminal: struct winsize of tty_ioctl(4) has 16 bits for it, and programs take 0 for a size that is not known. */
export const TERMINAL_LENGTH = 'must be an integer from 1 to 65535';

export function isTerminalLength(length: number): boolean {
  return Number.isInteger(length) && length >= 1 && length <= 65_535;
}

/** Which variables of the program's environment a process inherits; a list has their names. */
export type EnvironmentInheritance = 'all' | 'none' | readonly string[];

/** The resources of getrlimit(2) that an agent may limit, each with its name in /proc/PID/limits. RLIMIT_LOCKS marks the processes of an agent. */
export const RESOURCES = {
  as: 'Max address space',
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
} as const;

export type ResourceName = keyof typeof RESOURCES;

/** A limit of a resource, in the unit of getrlimit(2); `infinity` for none. One value is the soft and the hard limit. */
export type RlimitInput = number | 'infinity' | { soft: number | 'infinity'; hard: number | 'infinity' };

/** Infinity for none. */
export interface Rlimit {
  readonly soft: number;
  readonly hard: number;
}

/** Commands around an incarnation. */
export interface HooksInput {
  /** Program and arguments of a command that must succeed before each start; else it is a failed start. If not given, none. */
  beforeStart?: readonly string[];
  /** Program and arguments of a command after the end of each incarnation, also of one whose start has failed. If not given, none. */
  afterEnd?: readonly string[];
  /** How long each of them may take, and may go on after a stop has sent it SIGTERM, in ms; then it is killed, and has failed. If not given, 30000. */
  timeout?: number;
}

export type HookName = 'beforeStart' | 'afterEnd';

/** `null` for no such command. */
export interface Hooks {
  readonly beforeStart: readonly string[] | null;
  readonly afterEnd: readonly string[] | null;
  readonly timeout: number;
}

/** What an agent may ask of its process. */
export interface ProcessOptions {
  /**
   * `pipe`: it can be written to. `closed`: it is /dev/null, for a program that reads its input to the end before it works; writes to it are
   * refused. `pty`: input, output and errors are one pseudo terminal, see pty(7), that controls its session; all its lines are lines of stdout. If not
   * given, pipe.
   */
  stdin?: StdinMode;
  /** The first size of its terminal, each from 1 to 65535; only with `stdin` pty. If not given, 80 columns and 24 rows. */
  pty?: Readonly<Partial<TerminalSize>>;
  /**
   * The variables that it inherits from the environment of the supervisor. Never those of its service manager (NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC and
   * their like). If not given, all.
   */
  inherit?: EnvironmentInheritance;
  /** Names of variables that it does not inherit: the same as `null` in `env`, for TOML, which has no null. If not given, none. */
  unset?: readonly string[];
  /**
   * The user that it runs as: a name in /etc/passwd, or a uid. Only root may name another one. Its supplementary groups are those of that user, and HOME,
   * USER, LOGNAME and SHELL are set. If not given, the user of the supervisor.
   */
  user?: string | number;
  /** The group that it runs as: a name in /etc/group, or a gid. Only root may name another one. If not given, that of `user`. */
  group?: string | number;
  /** The permissions that files that it creates do not get, see umask(2), as three octal digits. If not given, that of the supervisor. */
  umask?: string;
  /** Its niceness, see nice(2), from -20 to 19. A lower one than that of the supervisor takes root. If not given, that of the supervisor. */
  nice?: number;
  /** Limits of resources, see getrlimit(2), by name, such as `nofile`. More than the hard limit of the supervisor takes root. If not given, its limits. */
  rlimits?: Readonly<Partial<Record<ResourceName, RlimitInput>>>;
  /**
   * How much sooner or later it is killed when memory runs out, see proc_pid_oom_score_adj(5), from -1000 (never) to 1000. A lower one than that of the
   * supervisor takes root. If not given, that of the supervisor.
   */
  oomScoreAdj?: number;
  /** Commands before the start and after the end, as ExecStartPre and ExecStopPost of systemd. If not given, none. */
  hooks?: HooksInput;
}

/** The same with every default filled in. */
export interface ProcessPlan {
  readonly stdin: StdinMode;
  /** The first size of its terminal, if it has one. */
  readonly pty: TerminalSize;
  readonly inherit: EnvironmentInheritance;
  /** Those that are `null` in `env` as well. */
  readonly unset: readonly string[];
  readonly user: string | number | null;
  readonly group: string | number | null;
  readonly umask: number | null;
  readonly nice: number | null;
  readonly rlimits: Readonly<Partial<Record<ResourceName, Rlimit>>>;
  readonly oomScoreAdj: number | null;
}

/** Variables of a process by name; `null` for one that it does not inherit. */
export type EnvironmentInput = Readonly<Record<string, string | null>>;

/** No option of a process. */
export type NoProcessOptions = { [Option in keyof ProcessOptions]?: never };

/** The names of the options. */
export const PROCESS_OPTIONS = [
  'stdin',
  'pty',
  'inherit',
  'unset',
  'user',
  'group',
  'umask',
  'nice',
  'rlimits',
  'oomScoreAdj',
  'hooks',
] as const satisfies readonly (keyof ProcessOptions)[];

/** The defaults of all options. */
export const PROCESS_DEFAULTS: ProcessPlan = {
  stdin: 'pipe',
  pty: { columns: 80, rows: 24 },
  inherit: 'all',
  unset: [],
  user: null,
  group: null,
  umask: null,
  nice: null,
  rlimits: {},
  oomScoreAdj: null,
};

/** Fills in the defaults. The input must have passed `validate`. */
export function processPlan(options: ProcessOptions, env: EnvironmentInput = {}): ProcessPlan {
  const { inherit = PROCESS_DEFAULTS.inherit } = options;
  const nulls = Object.keys(env).filter((name) => env[name] === null);
  return {
    stdin: options.stdin ?? PROCESS_DEFAULTS.stdin,
    pty: { ...PROCESS_DEFAULTS.pty, ...options.pty },
    inherit: typeof inherit === 'string' ? inherit : [...inherit],
    unset: [...nulls, ...(options.unset ?? [])],
    user: options.user ?? null,
    group: options.group ?? null,
    umask: options.umask === undefined ? null : Number.parseInt(options.umask, 8),
    nice: options.nice ?? null,
    rlimits: limitsOf(options.rlimits ?? {}),
    oomScoreAdj: options.oomScoreAdj ?? null,
  };
}

function limitsOf(given: NonNullable<ProcessOptions['rlimits']>): ProcessPlan['rlimits'] {
  const numberOf = (limit: number | 'infinity') => (limit === 'infinity' ? Number.POSITIVE_INFINITY : limit);
  return Object.fromEntries(
    Object.entries(given).map(([name, limit]) => {
      const { soft, hard } = typeof limit === 'object' ? limit : { soft: limit, hard: limit };
      return [name, { soft: numberOf(soft), hard: numberOf(hard) }];
    }),
  );
}

/** The variables that are not `null`. */
export function variablesOf(env: EnvironmentInput = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== null));
}
