/** Why an incarnation ended: a closed set. `timeout`: it exceeded its `maxRuntime`. `lost`: its exit was not observed. */
export type Cause =
  | 'exit'
  | 'signal'
  | 'spawn-error'
  | 'readiness-timeout'
  | 'liveness'
  | 'memory-limit'
  | 'cpu-limit'
  | 'timeout'
  | 'command'
  | 'sibling'
  | 'shutdown'
  | 'lost';

/** The end of one incarnation. Times are wall-clock milliseconds since 1970. */
export interface ExitRecord {
  /** The id of the agent among its siblings. */
  readonly id: string;
  /** The number of the incarnation, from 1. */
  readonly incarnation: number;
  /** The pid of the main process; `null` when there was none. */
  readonly pid: number | null;
  /** The exit code; `null` when a signal ended it or it never ran. Never merged with `signal`. */
  readonly code: number | null;
  /** The name of the signal that ended it, `null` when it exited. */
  readonly signal: string | null;
  /** True when the kernel's out-of-memory killer is known to have ended it. */
  readonly oom: boolean;
  /** Why it ended. */
  readonly cause: Cause;
  /** Details of the cause as text; empty without any. */
  readonly detail: string;
  /** True when a command or a stop ended it: no restart follows, no budget is charged. */
  readonly commanded: boolean;
  /** Wall-clock ms. */
  readonly startedAt: number;
  /** Wall-clock ms; `null` when it was never ready. */
  readonly readyAt: number | null;
  /** Wall-clock ms. */
  readonly exitedAt: number;
  /** The last lines of standard error, oldest first. */
  readonly tail: readonly string[];
}
