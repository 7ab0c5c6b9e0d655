import { answer, isEnding } from '../book.js';
import type { Fact } from '../fact.js';
import type { Child, Deferred, State } from './state.js';

/*
 * An OTP supervisor is a process: while it starts or restarts children it reads no messages, and exits and calls wait in its mailbox. This is that
 * mailbox. Facts that must not wait bypass it: a stop, a readiness, the end of a child that is being started or stopped.
 */

type Add = Extract<Fact, { type: 'add' }>;
type Command = Extract<Fact, { type: 'command' }>;
type DelayOver = Extract<Fact, { type: 'delay-over' }>;

/**
 * True while an ordered operation is under way: a boot in sequence; under one_for_all and rest_for_one every start and restart; and, unless
 * children start in parallel, a restart without delay until its start has begun: OTP starts the child in the turn in which it reads its end.
 */
export function isBusy(state: State): boolean {
  return state.busy.size > 0 && !isEnding(state);
}

/** True when the mailbox is read: no ordered operation is running, the boot is over, and no earlier command is stopping the child of the next item. */
export function mayRead(state: State): boolean {
  return !isBusy(state) && state.status !== 'booting' && !isHeldByStop(state, state.mailbox[0]);
}

function isHeldByStop(state: State, item: Deferred | undefined): boolean {
  if (item?.type !== 'fact' || item.fact.type === 'delay-over') return false;
  if (item.fact.type === 'add') return isBeingStopped(state, item.fact.spec.id);
  return item.fact.verb !== 'kill' && isBeingStopped(state, item.fact.id);
}

function isBeingStopped(state: State, id: string): boolean {
  return state.children.get(id)?.phase === 'stopping';
}

/** True when the fact waits in the mailbox until the running operation is over. */
export function mustWait(state: State, fact: Add | Command | DelayOver): boolean {
  if (isEnding(state) || state.quiesced) return false;
  if (fact.type === 'add') return addMustWait(state, fact.spec.id);
  if (fact.type === 'command') return commandMustWait(state, fact);
  return isBusy(state) && isOrdered(state) && !state.busy.has(fact.sweep);
}

/** True for the strategies that restart siblings together. */
export function isOrdered({ spec }: State): boolean {
  return spec.strategy !== 'one_for_one';
}

function addMustWait(state: State, id: string): boolean {
  const known = state.children.get(id);
  return known === undefined ? isBusy(state) || isAddWaiting(state, id) : known.endWaits;
}

/** Stops do not wait. Starts do, and so does every command for a child whose end or addition is still in the mailbox. */
function commandMustWait(state: State, { verb, id }: Command): boolean {
  const child = state.children.get(id);
  if (child === undefined) return isAddWaiting(state, id);
  if (child.endWaits) return true;
  if (!isBusy(state) || (verb !== 'start' && verb !== 'restart' && verb !== 'restart_child')) return false;
  return child.phase === 'restarting' || (child.phase === 'down' && child.nextStep === 'none');
}

function isAddWaiting(state: State, id: string): boolean {
  return state.mailbox.some((item) => item.type === 'fact' && item.fact.type === 'add' && item.fact.spec.id === id);
}

/** Puts the end of a child that was up into the mailbox. Until it is read, the child is down and the consequences are undecided. */
export function deferEnd(state: State, child: Child, item: Extract<Deferred, { type: 'end' }>): void {
  child.endWaits = true;
  state.mailbox.push(item);
}

/** Removes an end from the mailbox that needs no decision any more: a restart of its siblings, or a stop, has covered it (P6). */
export function dropEnd(state: State, child: Child): void {
  if (!child.endWaits) return;
  child.endWaits = false;
  const index = state.mailbox.findIndex((item) => item.type === 'end' && item.child === child);
  if (index >= 0) state.mailbox.splice(index, 1);
}

/**
 * A stop or a kill does not wait: it removes the earlier waiting commands that would start its child. Commands that come after a waiting stop are handled
 * after it.
 */
export function supersedeStarts(state: State, { verb, id }: Command): void {
  if (verb !== 'stop' && verb !== 'kill') return;
  for (const item of [...state.mailbox]) {
    if (item.type !== 'fact' || item.fact.type !== 'command' || item.fact.id !== id) continue;
    state.mailbox.splice(state.mailbox.indexOf(item), 1);
    answer(state, item.fact.token, { ok: false, code: 'SUPERSEDED', reason: `a ${verb}` });
  }
}

/** The supervisor ends, so the mailbox is not read any more. Waiting callers are answered. */
export function closeMailbox(state: State): void {
  for (const item of state.mailbox.splice(0)) {
    if (item.type === 'end') item.child.endWaits = false;
    if (item.type !== 'fact' || item.fact.type === 'delay-over') continue;
    answer(state, item.fact.token, { ok: false, code: 'SUPERSEDED', reason: 'the stop of its supervisor' });
  }
}
