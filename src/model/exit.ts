/** Why an incarnation ended: a closed set. `timeout`: its `maxRuntime` was over. `lost` means that nobody saw the exit. */
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

/** One end of one incarnation, always in this shape. Times are wall-clock milliseconds since 1970. */
export interface ExitRecord {
  /** Of the agent, among its siblings. */
  readonly id: string;
  /** Which of its lives ended, the first one 1. */
  readonly incarnation: number;
  /** Of its main process; `null` when there was none. */
  readonly pid: number | null;
  /** The exit code; `null` when a signal ended it or it never ran. Never merged with `signal`. */
  readonly code: number | null;
  /** The name of the signal that ended it, `null` when it exited. */
  readonly signal: string | null;
  /** True when the kernel is known to have ended it for want of memory. */
  readonly oom: boolean;
  /** Why it ended. */
  readonly cause: Cause;
  /** More about the cause in words; empty when there is no more. */
  readonly detail: string;
  /** True when we asked for it: no restart follows, no budget is charged. */
  readonly commanded: boolean;
  /** Wall-clock ms. */
  readonly startedAt: number;
  /** Wall-clock ms; `null` when it never was. */
  readonly readyAt: number | null;
  /** Wall-clock ms. */
  readonly exitedAt: number;
  /** The last lines of standard error, oldest first. */
  readonly tail: readonly string[];
}
