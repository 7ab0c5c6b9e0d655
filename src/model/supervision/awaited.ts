import { isAlive, isEnding } from '../book.js';
import type { Verb } from '../fact.js';
import type { Child, State, Sweep } from './state.js';

/* Why a child with a planned start is not up yet: the siblings that it waits for. */

/** The siblings that must be ready before this child starts; empty when no start is planned, or only a delay holds it back. */
export function awaitedBy(state: State, id: string): string[] {
  const child = state.children.get(id);
  if (child === undefined || isAlive(child) || isEnding(state) || state.quiesced) return [];
  const siblings = state.starts.waiting.get(id);
  if (siblings !== undefined) return [...siblings];
  if (hasTurn(child)) return startingIn(state, state.sweeps.get(child.sweep));
  return isCalled(state, id) ? startingFirst(state) : [];
}

/** The children that the running ordered operations are starting. */
export function startingFirst(state: State): string[] {
  return [...state.busy].flatMap((id) => startingIn(state, state.sweeps.get(id)));
}

/** The child waits for its turn in a boot or a restart. */
function hasTurn({ phase, nextStep }: Child): boolean {
  return phase === 'down' && nextStep === 'start';
}

/** A command to start the child waits in the mailbox. */
function isCalled({ mailbox }: State, id: string): boolean {
  return mailbox.some(
    (item) => item.type === 'fact' && item.fact.type === 'command' && item.fact.id === id && STARTS.has(item.fact.verb),
  );
}

function startingIn(state: State, sweep: Sweep | undefined): string[] {
  const id = sweep?.members[sweep.startMark];
  return id !== undefined && state.children.get(id)?.phase === 'starting' ? [id] : [];
}

const STARTS: ReadonlySet<Verb> = new Set<Verb>(['start', 'restart', 'restart_child']);
