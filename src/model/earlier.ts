import type { NodeSpec } from './spec.js';

/** What a successor of the program must know of a child besides its incarnation. */
export interface ChildPast {
  /** False when a command has stopped it. */
  readonly isWanted: boolean;
  /** It was down, and no start of it was planned. */
  readonly isResting: boolean;
  /** Its own restarts within the window, newest first, on the clock of the facts; and its unplanned ends in a row. */
  readonly stamps: readonly number[];
  readonly streak: number;
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
}

/** Nothing was before. */
export const NOTHING_EARLIER: Earlier = { added: [], instances: [], stamps: [], child: () => undefined };
