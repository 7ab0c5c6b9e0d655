/*
 * What an agent asks of its process: the input form, and the normalised one. A task or a logic has no process of its own; its spec has the defaults, which
 * no driver reads.
 */

/** What standard input is connected to: a pipe from the program, or /dev/null, which is at its end at once. */
export type StdinMode = 'pipe' | 'closed';

/** Which variables of the program's environment a process inherits; a list has their names. */
export type EnvironmentInheritance = 'all' | 'none' | readonly string[];

/** What an agent may ask of its process. */
export interface ProcessOptions {
  /**
   * `pipe`: it can be written to. `closed`: it is /dev/null, for a program that reads its input to the end before it works; writes to it are refused. If
   * not given, pipe.
   */
  stdin?: StdinMode;
  /**
   * The variables that it inherits from the environment of the supervisor. Never those of its service manager (NOTIFY_SOCKET, LISTEN_FDS, WATCHDOG_USEC and
   * their like). If not given, all.
   */
  inherit?: EnvironmentInheritance;
  /** Names of variables that it does not inherit: the same as `null` in `env`, for TOML, which has no null. If not given, none. */
  unset?: readonly string[];
}

/** The same with every default filled in. */
export interface ProcessPlan {
  readonly stdin: StdinMode;
  readonly inherit: EnvironmentInheritance;
  /** Those that are `null` in `env` as well. */
  readonly unset: readonly string[];
}

/** Variables of a process by name; `null` for one that it does not inherit. */
export type EnvironmentInput = Readonly<Record<string, string | null>>;

/** No option of a process. */
export type NoProcessOptions = { [Option in keyof ProcessOptions]?: never };

/** The names of the options. */
export const PROCESS_OPTIONS = ['stdin', 'inherit', 'unset'] as const satisfies readonly (keyof ProcessOptions)[];

/** The defaults of all options. */
export const PROCESS_DEFAULTS: ProcessPlan = { stdin: 'pipe', inherit: 'all', unset: [] };

/** Fills in the defaults. The input must have passed `validate`. */
export function processPlan(options: ProcessOptions, env: EnvironmentInput = {}): ProcessPlan {
  const { inherit = PROCESS_DEFAULTS.inherit } = options;
  const nulls = Object.keys(env).filter((name) => env[name] === null);
  return {
    stdin: options.stdin ?? PROCESS_DEFAULTS.stdin,
    inherit: typeof inherit === 'string' ? inherit : [...inherit],
    unset: [...nulls, ...(options.unset ?? [])],
  };
}

/** The variables that are not `null`. */
export function variablesOf(env: EnvironmentInput = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== null));
}
