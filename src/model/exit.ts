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
  readonly id: string;
  readonly incarnation: number;
  readonly pid: number | null;
  /** The exit code; `null` when a signal ended it or it never ran. Never merged with `signal`. */
  readonly code: number | null;
  readonly signal: string | null;
  /** True when the kernel is known to have ended it for want of memory. */
  readonly oom: boolean;
  readonly cause: Cause;
  /** More about the cause in words; empty when there is no more. */
  readonly detail: string;
  /** True when we asked for it: no restart follows, no budget is charged. */
  readonly commanded: boolean;
  readonly startedAt: number;
  readonly readyAt: number | null;
  readonly exitedAt: number;
  /** The last lines of standard error, oldest first. */
  readonly tail: readonly string[];
}
