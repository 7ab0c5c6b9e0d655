import type { Operation, Outcome, Reply } from './reference-process.js';

/* The rows of the reference model: what it knows about each child. */

type Restart = 'permanent' | 'transient' | 'temporary';
export type Exit = 'normal' | 'shutdown' | 'abnormal';
/** Why a supervisor ends: a failed boot (S2), or R7, U1, P1. */
export type Ending = 'start-failed' | 'shutdown';

export interface ReferenceChild {
  readonly id: string;
  readonly restart: Restart;
  readonly significant: boolean;
  /** An agent that is killed instead of being asked to stop (P3). If not given, false. */
  readonly brutal?: boolean;
  /** Siblings that must have been ready before its first start, in a parallel start. If not given, none. */
  readonly after?: readonly string[];
  /** What a child that is a supervisor supervises. If not given, it is an agent. */
  readonly below?: Supervised;
}

/** A supervisor and its children, or a pool. */
export type Supervised =
  | { readonly flags: ReferenceFlags; readonly children: readonly ReferenceChild[] }
  | { readonly pool: PoolFlags };

export interface ReferenceFlags {
  readonly strategy: 'one_for_one' | 'one_for_all' | 'rest_for_one';
  readonly intensity: number;
  /** In seconds, as in OTP. */
  readonly period: number;
  readonly autoShutdown: 'never' | 'any_significant' | 'all_significant';
  /** If not given, strict. */
  readonly boot?: 'strict' | 'retry';
  /** If not given, sequence. */
  readonly start?: 'sequence' | 'parallel';
}

export interface PoolFlags {
  readonly restart: Restart;
  readonly intensity: number;
  /** In seconds, as in OTP. */
  readonly period: number;
  readonly max: number;
  readonly concurrency: number;
}

/** What count_children answers. */
export type Count = Record<'specs' | 'active' | 'supervisors' | 'workers', number>;

export interface Pace {
  /** After a failed restart it waits for `again` (R8); otherwise it tries again at once. */
  readonly patient: boolean;
  /** Starts and stops wait for `settle`. If not given, false. */
  readonly slow?: boolean;
}

/** What a supervisor in a tree does to its children, and what its parent hears from it. */
export interface Surroundings {
  start(child: ReferenceChild): void;
  stop(child: ReferenceChild, brutal: boolean): void;
  /** Its stop comes later, and it starts nothing until then. */
  quiesce(child: ReferenceChild): void;
  /** The child is removed. */
  forget(child: ReferenceChild): void;
  /** Acts when the other supervisors have read their messages. */
  later(act: () => void): void;
  booted(): void;
  /** `left`: the children that cannot be ended. */
  ended(ending: Ending, left: readonly string[]): void;
  /** The last of those that were left is gone. */
  gone(ending: Ending): void;
  /** Of a pool: an instance has got this number. */
  numbered(last: number): void;
}

/** Those of a supervisor without a parent, whose children are agents. */
export const ALONE: Surroundings = {
  start: () => {},
  stop: () => {},
  quiesce: () => {},
  forget: () => {},
  later: (act) => act(),
  booted: () => {},
  ended: () => {},
  gone: () => {},
  numbered: () => {},
};

export interface Row extends ReferenceChild {
  phase: 'up' | 'down' | 'starting' | 'stopping' | 'restarting' | 'stuck';
  /** Ended by terminate_child: no strategy starts it again. */
  terminated: boolean;
  /** It was killed, so that it is not asked to stop any more. */
  killed: boolean;
  /** The boot or restart in which it waits for its turn: all children of that, in order. Those that are up are stopped in reverse before one is started. */
  turn: readonly Row[] | null;
  /** Its exit message is in the mailbox. */
  exit: Exit | null;
  /** Calls of terminate_child that wait until it is gone. */
  terminates: Reply[];
  /** Of a zombie: what follows when its last process is gone. If not given, that of an exit. */
  late: (() => Operation<Row> | undefined) | null;
  /** Of a parallel start: the siblings that it waits for, and its caller. */
  awaits: readonly string[];
  caller: Reply;
  /** By a call. */
  added: boolean;
  /** Of a parallel start: the boot is not over before its first attempt. */
  untried: boolean;
}

/** The children of one supervisor, in start order. */
export class Rows {
  all: readonly Row[] = [];

  find(id: string): Row | undefined {
    return this.all.find((row) => row.id === id);
  }

  add(child: ReferenceChild, turn: Row['turn']): Row {
    const calls = { terminates: [], caller: () => {} };
    const start = { turn, awaits: [], added: false, untried: false, late: null };
    const row: Row = { ...child, phase: 'down', terminated: false, killed: false, exit: null, ...calls, ...start };
    this.all = [...this.all, row];
    return row;
  }

  remove(row: Row): void {
    this.all = this.all.filter((other) => other !== row);
  }

  /** A6: newest first. */
  which(): [id: string, phase: Row['phase']][] {
    return this.all.map((row): [string, Row['phase']] => [row.id, row.phase]).reverse();
  }

  /** A8. */
  count(): Count {
    const specs = this.all.length;
    const supervisors = this.all.filter(({ below }) => below).length;
    return { specs, active: this.all.filter(isAlive).length, supervisors, workers: specs - supervisors };
  }
}

/** True while there is a process. */
export function isAlive({ phase }: Row): boolean {
  return phase === 'up' || phase === 'starting' || phase === 'stopping' || phase === 'stuck';
}

/** True while a stop waits until it is gone: a zombie is not waited for (P6). */
export function isEndable(row: Row): boolean {
  return isAlive(row) && row.phase !== 'stuck';
}

/** True until its exit is read. */
export function isStarted({ phase, exit }: Row): boolean {
  return phase === 'up' || phase === 'starting' || exit !== null;
}

/** What restart_child and delete_child answer unless the child is known and down. */
export function refusalOf(row: Row | undefined): string | null {
  if (!row) return 'NOT_FOUND';
  if (row.phase === 'stuck') return 'ZOMBIE';
  if (isAlive(row) || row.exit) return 'RUNNING';
  return row.turn ? 'RESTARTING' : null;
}

/** R1, R2, R3. */
export function isRestarted({ restart }: Row, reason: Exit): boolean {
  return restart === 'permanent' || (restart === 'transient' && reason === 'abnormal');
}

/** The children that the strategy restarts when `row` ends, with it, in order: T1, T2, T3. */
export function restartedWith(row: Row, rows: readonly Row[], strategy: ReferenceFlags['strategy']): Row[] {
  if (strategy === 'one_for_one') return [row];
  return rows.slice(strategy === 'one_for_all' ? 0 : rows.indexOf(row));
}

/** U1, U2: a significant child has ended by itself, and is down or forgotten. */
export function shutsDown({ autoShutdown }: ReferenceFlags, rows: readonly Row[]): boolean {
  const isToCome = (row: Row): boolean => row.turn !== null && row.awaits.length > 0;
  const isLast = !rows.some((row) => row.significant && (row.phase !== 'down' || row.exit !== null || isToCome(row)));
  return autoShutdown === 'any_significant' || (autoShutdown === 'all_significant' && isLast);
}

/** How a start of this child ends. `failures`: by child, how many of its next starts fail. */
export function nextOutcome(failures: Map<string, number>, id: string): Outcome {
  const left = failures.get(id) ?? 0;
  failures.set(id, Math.max(0, left - 1));
  return left > 0 ? 'failed' : 'ready';
}
