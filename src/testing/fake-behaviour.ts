import type { StartOrder } from '../drivers/driver.js';
import type { StreamName } from '../model/spec.js';

/** What one body of the fake driver does. Times are milliseconds of the clock; one that is `Infinity` never comes. */
export interface FakeBehaviour {
  /** From the start until it is spawned. If not given, at once. */
  readonly startsIn?: number;
  /** The first so many starts of the path are a SPAWN_FAILED. If not given, none. */
  readonly failsStart?: number;
  /** From spawned until ready: `READY=1` with readiness `notify`, else the fact READY. If not given, at once; with readiness `none`, not at all, for there the agent decides. */
  readonly readyIn?: number;
  /** From spawned until it exits by itself. If not given, never. */
  readonly exitsAfter?: number;
  /** What it exits with by itself. If not given, 0; `null` when `signal` is given. */
  readonly code?: number;
  /** The signal that it seems to die of by itself. If not given, none. */
  readonly signal?: string;
  /** From the stop signal until it exits. If not given, at once. */
  readonly stopsIn?: number;
  /** What it exits with when it is asked to stop. If not given, it dies of the signal. */
  readonly stopCode?: number;
  /** Only SIGKILL ends it. If not given, false. */
  readonly ignoresStop?: boolean;
  /** Members of its tree outlive it, until SIGKILL. If not given, false. */
  readonly leavesChildren?: boolean;
  /** SIGKILL does not end it either; `release` does. If not given, false. */
  readonly unkillable?: boolean;
  /** From its exit until its output is read to the end. If not given, EXITED says so itself. */
  readonly drainsIn?: number;
  /** Its tree cannot be stopped in place, for this reason. If not given, it can. */
  readonly freezeFails?: string;
  /** Its standard input is closed. If not given, it reads everything. */
  readonly inputClosed?: boolean;
  /** Lines that it writes as soon as it is spawned. A bare text goes to standard output. If not given, none. */
  readonly output?: readonly (string | { readonly stream: StreamName; readonly line: string })[];
}

/** Behaviours by path, with `*` for all others; or a function of the order and the number of the start (from 1). */
export type FakeScript =
  | Readonly<Record<string, FakeBehaviour>>
  | ((order: StartOrder, attempt: number) => FakeBehaviour);
