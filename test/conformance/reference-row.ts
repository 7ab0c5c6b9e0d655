import type { Outcome, Reply } from './reference-process.js';

/* The rows of the reference model: what it knows about each child. */

type Restart = 'permanent' | 'transient' | 'temporary';
export type Exit = 'normal' | 'shutdown' | 'abnormal';

export interface ReferenceChild {
  readonly id: string;
  readonly restart: Restart;
  readonly significant: boolean;
}

export interface ReferenceFlags {
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly intensity: number;
  /** In seconds, as in OTP. */
  readonly period: number;
  readonly autoShutdown: 'never' | 'any_significant' | 'all_significant';
}

export interface Row extends ReferenceChild {
  phase: 'up' | 'down' | 'starting' | 'stopping' | 'restarting';
  /** Ended by terminate_child: no strategy starts it again. */
  terminated: boolean;
  /** The boot or restart in which it waits for its turn: all children of that, in order. Those that are up are stopped in reverse before one is started. */
  turn: readonly Row[] | null;
  /** Its exit message is in the mailbox. */
  exit: Exit | null;
  /** Calls of terminate_child that wait until it is gone. */
  terminates: Reply[];
}

export function newRow(child: ReferenceChild, turn: Row['turn']): Row {
  return { ...child, phase: 'down', terminated: false, turn, exit: null, terminates: [] };
}

/** True while there is a process. */
export function isAlive({ phase }: Row): boolean {
  return phase === 'up' || phase === 'starting' || phase === 'stopping';
}

export function isStarted({ phase }: Row): boolean {
  return phase === 'up' || phase === 'starting';
}

/** What restart_child and delete_child answer unless the child is known and down. */
export function refusalOf(row: Row | undefined): string | null {
  if (!row) return 'NOT_FOUND';
  if (isAlive(row)) return 'RUNNING';
  return row.turn ? 'RESTARTING' : null;
}

/** The children that the strategy restarts when `row` ends, with it, in order: T1, T2, T3. */
export function restartedWith(row: Row, rows: readonly Row[], strategy: ReferenceFlags['strategy']): Row[] {
  if (strategy === 'one_for_one') return [row];
  return rows.slice(strategy === 'one_for_all' ? 0 : rows.indexOf(row));
}

/** U1, U2: a significant child has ended by itself, and is down or forgotten. */
export function shutsDown({ autoShutdown }: ReferenceFlags, rows: readonly Row[]): boolean {
  const isLast = !rows.some((row) => row.significant && (row.phase !== 'down' || row.exit !== null));
  return autoShutdown === 'any_significant' || (autoShutdown === 'all_significant' && isLast);
}

/** How a start of this child ends. `failures`: by child, how many of its next starts fail. */
export function nextOutcome(failures: Map<string, number>, id: string): Outcome {
  const left = failures.get(id) ?? 0;
  failures.set(id, Math.max(0, left - 1));
  return left > 0 ? 'failed' : 'ready';
}
