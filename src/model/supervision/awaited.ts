import { isAlive, isEnding } from '../book.js';
import type { Child, State, Sweep } from './state.js';

/* For whom a start waits that is due: what a person asks who sees that a child is not up. */

/** The siblings that must be ready before this child starts; empty where no start of it is due, or only a delay holds it back. */
export function awaitedBy(state: State, id: string): string[] {
  const child = state.children.get(id);
  if (child === undefined || isAlive(child) || isEnding(state) || state.hushed) return [];
  const siblings = state.starts.waiting.get(id);
  if (siblings !== undefined) return [...siblings];
  if (hasTurn(child)) return startingIn(state, state.sweeps.get(child.sweep));
  return isCalled(state, id) ? startingFirst(state) : [];
}

/** The children on whose starts the ordered operations under way have come. */
export function startingFirst(state: State): string[] {
  return [...state.busy].flatMap((id) => startingIn(state, state.sweeps.get(id)));
}

/** It waits for its turn in a boot or a restart. */
function hasTurn({ phase, due }: Child): boolean {
  return phase === 'down' && due === 'start';
}

/** A call to start it waits in the mailbox. */
function isCalled({ mailbox }: State, id: string): boolean {
  return mailbox.some(({ type, ...item }) => type === 'fact' && 'id' in item.fact && item.fact.id === id);
}

function startingIn(state: State, sweep: Sweep | undefined): string[] {
  const id = sweep?.members[sweep.startMark];
  return id !== undefined && state.children.get(id)?.phase === 'starting' ? [id] : [];
}
