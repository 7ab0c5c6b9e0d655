import { emitRetry } from '../book.js';
import { delayLeft, type Earlier, type PlannedRestart } from '../earlier.js';
import { affectedBy } from '../order.js';
import { type Child, openSweep, type State } from './state.js';

/* Restarts that were planned before the program was started again go on with the time that is left. */

/** A child whose restart is not due yet. */
export interface WaitingRestart {
  readonly child: Child;
  readonly planned: PlannedRestart;
}

/** The restarts that are not due yet. One that is due is part of the boot. */
export function plannedRestarts(state: State, earlier: Earlier): WaitingRestart[] {
  const all = [...state.children.values()].map((child) => ({
    child,
    planned: earlier.child(child.id)?.planned ?? null,
  }));
  return all.filter((each): each is WaitingRestart => {
    const { child, planned } = each;
    if (planned === null || child.nextStep !== 'start' || earlier.isKept(child.id)) return false;
    return delayLeft(planned, state.now) > 0;
  });
}

/**
 * Holds the child, and the siblings that its restart has already stopped, until the delay is over. Siblings that run on are started now, so that they are
 * adopted; the strategy restarts them when the delay is over.
 */
export function resumeRestart(state: State, earlier: Earlier, { child, planned }: WaitingRestart): void {
  const isStopped = (id: string) => {
    const sibling = state.children.get(id) as Child;
    return sibling.phase === 'down' && sibling.nextStep === 'start' && !earlier.isKept(id);
  };
  const affected = affectedBy(state.spec.strategy, state.order, child.id);
  const members = affected.filter((id) => id === child.id || isStopped(id));
  for (const id of members) (state.children.get(id) as Child).origin = 'restart';
  const sweep = openSweep(state, members, { cause: 'sibling', culprit: child.id, hold: true });
  child.planned = planned;
  emitRetry(state, child, sweep.id, delayLeft(planned, state.now), planned.reason);
}
