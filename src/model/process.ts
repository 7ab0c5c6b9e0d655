/*
 * What an agent asks of its process: the input form, and the normalised one. A task or a logic has no process of its own; its spec has the defaults, which
 * no driver reads.
 */

/** What standard input is connected to: a pipe from the program, or /dev/null, which is at its end at once. */
export type StdinMode = 'pipe' | 'closed';

/** What an agent may ask of its process. */
export interface ProcessOptions {
  /**
   * `pipe`: it can be written to. `closed`: it is /dev/null, for a program that reads its input to the end before it works; writes to it are refused. If
   * not given, pipe.
   */
  stdin?: StdinMode;
}

/** The same with every default filled in. */
export interface ProcessPlan {
  readonly stdin: StdinMode;
}

/** No option of a process. */
export type NoProcessOptions = { [Option in keyof ProcessOptions]?: never };

/** The names of the options. */
export const PROCESS_OPTIONS = ['stdin'] as const satisfies readonly (keyof ProcessOptions)[];

/** The defaults of all options. */
export const PROCESS_DEFAULTS: ProcessPlan = { stdin: 'pipe' };

/** Fills in the defaults. The input must have passed `validate`. */
export function processPlan(options: ProcessOptions): ProcessPlan {
  return { stdin: options.stdin ?? PROCESS_DEFAULTS.stdin };
}
