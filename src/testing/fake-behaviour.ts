import type { StartOrder } from '../drivers/driver.js';
import type { StreamName } from '../model/spec.js';
import type { FakeUsage } from './fake-meter.js';

/** The behaviour of one body of the fake driver. Times are milliseconds of the clock; `Infinity` means never. */
export interface FakeBehaviour {
  /** From the start until it is spawned. If not given, at once. */
  readonly startsIn?: number;
  /** The first so many starts of the path end with SPAWN_FAILED. If not given, none. */
  readonly failsStart?: number;
  /**
   * From spawned until ready: `READY=1` with readiness `notify`, else the fact READY. If not given, at once; with readiness `none`, never, because there
   * the agent decides.
   */
  readonly readyIn?: number;
  /** From spawned until it exits by itself. If not given, never. */
  readonly exitsAfter?: number;
  /** Its exit code when it exits by itself. If not given, 0; `null` when `signal` is given. */
  readonly code?: number;
  /** The signal that ends it by itself. If not given, none. */
  readonly signal?: string;
  /** From the stop signal until it exits. If not given, at once. */
  readonly stopsIn?: number;
  /** Its exit code when it is asked to stop. If not given, the signal ends it. */
  readonly stopCode?: number;
  /** Only SIGKILL ends it. If not given, false. */
  readonly ignoresStop?: boolean;
  /** Descendants outlive it, until SIGKILL. If not given, false. */
  readonly leavesChildren?: boolean;
  /** SIGKILL does not end it either; `release` does. If not given, false. */
  readonly unkillable?: boolean;
  /** From its exit until its output was read to the end. If not given, the fact EXITED carries that. */
  readonly drainsIn?: number;
  /** The reason why its process tree cannot be frozen. If not given, it can. */
  readonly freezeFails?: string;
  /** The resources that it uses from its start on. If not given, none. */
  readonly uses?: FakeUsage;
  /** Its standard input is closed. If not given, it reads everything. */
  readonly inputClosed?: boolean;
  /** Lines that it writes as soon as it is spawned. A line that is given as a plain string goes to standard output. If not given, none. */
  readonly output?: readonly (string | { readonly stream: StreamName; readonly line: string })[];
}

/** Behaviours by path, with `*` for all others; or a function of the order and the number of the start (from 1). */
export type FakeScript =
  | Readonly<Record<string, FakeBehaviour>>
  | ((order: StartOrder, attempt: number) => FakeBehaviour);
