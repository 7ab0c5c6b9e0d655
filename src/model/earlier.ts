import type { Reason } from './reason.js';
import type { NodeSpec } from './spec.js';

/** A planned restart. */
export interface PlannedRestart {
  /** When it is due, on the clock of the facts. */
  readonly at: number;
  /** Its whole delay, in ms. */
  readonly delay: number;
  /** Why it is restarted. */
  readonly reason: Reason;
}

/** What a successor of the program must know of a child besides its incarnation. */
export interface ChildPast {
  /** False when a command has stopped it. */
  readonly isWanted: boolean;
  /** It was down, and no start of it was planned. */
  readonly isResting: boolean;
  /** Its own restarts within the window, newest first, on the clock of the facts; and its unplanned ends in a row. */
  readonly stamps: readonly number[];
  readonly streak: number;
  /** Since when it was ready, on the clock of the facts; `null` when it was not up. */
  readonly readyAt: number | null;
  /** It had the one attempt that follows a cooldown. */
  readonly isHalfOpen: boolean;
  /** `null` when none was planned. */
  readonly planned: PlannedRestart | null;
}

/** What an engine must know of the time before its program was started again. */
export interface Earlier {
  /** The children that were added to those of the spec, in their order. */
  readonly added: readonly NodeSpec[];
  /** The instances of a pool, in their order. */
  readonly instances: readonly string[];
  /** The restarts within the window that are charged to the supervisor itself. */
  readonly stamps: readonly number[];
  /** `undefined` for a child that is new. */
  child(id: string): ChildPast | undefined;
  /** True for an agent that runs on, and for a supervisor with such an agent below it. */
  isKept(id: string): boolean;
}

/** How long a planned restart is still to wait at `now`, in ms; never longer than it was planned, however the wall clock was changed meanwhile. */
export function delayLeft({ at, delay }: PlannedRestart, now: number): number {
  return Math.min(delay, Math.max(0, at - now));
}

/** Nothing was before. */
export const NOTHING_EARLIER: Earlier = {
  added: [],
  instances: [],
  stamps: [],
  child: () => undefined,
  isKept: () => false,
};

/** The same on another clock: `shift` converts each time. */
export function shifted(past: ChildPast, shift: (time: number) => number): ChildPast {
  const { stamps, readyAt, planned } = past;
  return {
    ...past,
    stamps: stamps.map(shift),
    readyAt: readyAt === null ? null : shift(readyAt),
    planned: planned === null ? null : { ...planned, at: shift(planned.at) },
  };
}
