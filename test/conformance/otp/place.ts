import type { SupervisorView } from '../../../src/contract/view.js';
import type { ChildRow } from '../../../src/model/fact.js';

/** One supervisor of a tree and its children at one moment. */
export interface Place {
  readonly path: string;
  readonly strategy: SupervisorView['strategy'];
  readonly status: SupervisorView['status'];
  readonly rows: ReadonlyMap<string, ChildRow>;
}

/** By path; that of the root is empty. */
export type Places = ReadonlyMap<string, Place>;

/** One step of a history. */
export interface Step {
  readonly line: string;
  readonly before: Places;
  readonly after: Places;
  /** `+a` for each start and `-a` for each stop that it began. */
  readonly log: readonly string[];
}

/** `i` of `i/x`; the root of `i`. */
export function parentOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

export function nameOf(path: string): string {
  return path.split('/').at(-1) as string;
}

/** True while it starts or stops children: in OTP it reads no messages then. */
export function isBusy({ status, rows }: Place): boolean {
  return status !== 'running' || [...rows.values()].some(isChanging);
}

/** True for a child that is being started or stopped, or waits for its restart. */
export function isChanging({ phase }: ChildRow): boolean {
  return phase !== 'up' && phase !== 'down';
}

/** True of a supervisor whose children do not wait for each other, unless it boots (T1). */
export function isIndependent({ strategy, status }: Place): boolean {
  return (strategy === 'one_for_one' || strategy === 'pool') && status !== 'booting';
}

export function isBelow(path: string, ancestor: string): boolean {
  return path !== ancestor && (ancestor === '' || path.startsWith(`${ancestor}/`));
}

/** True of a supervisor that stops its children or has ended. */
export function isStopping({ status }: Place): boolean {
  return status !== 'running' && status !== 'booting';
}
